import type { Command } from 'commander';
import { type AuditEntry, actorText, auditValue, filterTimes } from '../../core/audit.ts';
import { formatCount, formatTime } from '../../core/quantity-text.ts';
import { wrapText } from '../../core/wrap-text.ts';
import { readAudit } from '../../queue/audit.ts';
import { OF_NO_CLIENT } from '../../queue/names.ts';
import { MOMENT_FORMS, withPeriod } from '../moment.ts';
import { chooseClients, operatorAction } from '../open-operator.ts';
import { EXIT, type GlobalOptions } from '../run-command.ts';
import { oneLine } from '../terminal.ts';

/** People are shown at most this many; `--json` has all. */
const ENTRIES_FOR_PEOPLE = 100;
const HEAD = ['at', 'client', 'action', 'by', 'count'];
/** The columns that give way on a narrow terminal: client and by. */
const YIELDING = [1, 3];
const LEAST_WIDTH = 12;
const GAP = '  ';
const INDENT = '    ';
const DEFAULT_COLUMNS = 80;

type AuditOptions = GlobalOptions & {
  readonly client?: string;
  readonly since?: number;
  readonly until?: number;
};

/** `waybill audit`: who replayed, discarded, paused, resumed, opened and reloaded what. */
export function addAuditCommand(program: Command): void {
  const command = program.command('audit').option('--client <name>', 'of one client');
  withPeriod(command, ['--since <time>', `at or after: ${MOMENT_FORMS}`], ['--until <time>', 'before'])
    .description(
      'tell who replayed, discarded, paused, resumed, paced, reloaded or mailed, in the last 90 days',
    )
    .action(
      operatorAction(async (terminal, { config, redis }, options: AuditOptions) => {
        const { client, since, until } = options;
        const names = chooseClients(config, client);
        const { entries, complete } = await readAudit(redis, {
          clients: client === undefined ? [OF_NO_CLIENT, ...names] : names,
          ...{ since, until, now: Date.now() },
          limit: terminal.json ? Number.POSITIVE_INFINITY : ENTRIES_FOR_PEOPLE,
        });
        terminal.value({ entries: entries.map(auditValue) });
        if (entries.length === 0) terminal.line('Nothing was done.');
        const columns = process.stdout.columns ?? DEFAULT_COLUMNS;
        const [head = '', ...lines] = auditLines(entries, columns);
        if (head !== '') terminal.line(terminal.style('bold', head));
        for (const line of lines) terminal.line(line);
        if (!complete) {
          terminal.line(`\nThe latest ${entries.length} are shown; --until shows older ones, --json all.`);
        }
        return EXIT.done;
      }),
    );
}

/** The entries as a table of `columns` characters, with what was asked below each. Long names are cut, and stand there, too. */
export function auditLines(entries: readonly AuditEntry[], columns: number): string[] {
  if (entries.length === 0) return [];
  const rows = entries.map(rowOf);
  const widths = HEAD.map((_, i) => Math.max(...[HEAD, ...rows].map((row) => row[i]?.length ?? 0)));
  for (const i of YIELDING) {
    const excess = widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length) - columns;
    if (excess > 0) widths[i] = Math.max(Math.min(LEAST_WIDTH, widths[i] ?? 0), (widths[i] ?? 0) - excess);
  }
  const room = columns - INDENT.length;
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cut(cell, widths[i] ?? 0).padEnd(widths[i] ?? 0))
      .join(GAP)
      .trimEnd();
  return [
    line(HEAD),
    line(widths.map((width) => '─'.repeat(width))),
    ...entries.flatMap((entry, i) => {
      const row = rows[i] ?? [];
      const cutOff = YIELDING.filter((n) => (row[n]?.length ?? 0) > (widths[n] ?? 0));
      const facts = [...cutOff.map((n) => `${HEAD[n]} ${row[n]}`), askedText(entry)];
      const below = facts.filter((fact) => fact !== '').flatMap((fact) => wrapText(fact, room));
      return [line(row), ...below.map((text) => `${INDENT}${cut(text, room)}`)];
    }),
  ];
}

function rowOf({ at, client = '-', action, by, done, matching }: AuditEntry): string[] {
  const of = matching === undefined || matching === done ? '' : ` of ${formatCount(matching)}`;
  const count = done === undefined ? '' : `${formatCount(done)}${of}`;
  return [formatTime(at), client, action, oneLine(actorText(by)), count];
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

/** What was asked, as on the command line. */
function askedText({ action, filter = {}, clients }: AuditEntry): string {
  if (clients !== undefined) {
    const { added, changed, removed } = clients;
    return `clients: ${added} added, ${changed} changed, ${removed} removed`;
  }
  const { type, status, unit, id, limit, ids } = filter;
  if (action === 'pace') return oneLine(`${type} --open`);
  if (action !== 'replay' && action !== 'discard') return '';
  if (ids !== undefined) return `${formatCount(ids)} named by id`;
  const options = { type, status, unit, id, ...filterTimes(filter), limit };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  if (given.length === 0) return 'all dead letters';
  const flag = (name: string) => `--${name.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`)}`;
  return oneLine(given.map(([name, value]) => `${flag(name)} ${value}`).join(' '));
}
