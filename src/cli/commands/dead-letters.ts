import type { Command } from 'commander';
import { lastFailure } from '../../core/dead-letter-filter.ts';
import type { StoredEvent } from '../../core/event.ts';
import { toExportLine } from '../../core/exported-event.ts';
import { formatCount, formatTime } from '../../core/quantity-text.ts';
import { attemptsOf, deadLetterDetail, deadLetterRow } from '../../dead-letters/dead-letter-value.ts';
import type { DeadLetter } from '../../dead-letters/find-dead-letters.ts';
import { writeToFile, writeToStdout } from '../export-output.ts';
import { chooseClients, type Operator, operatorAction } from '../open-operator.ts';
import { withProgress } from '../progress.ts';
import { EXIT, type GlobalOptions, UsageError, untilInterrupted } from '../run-command.ts';
import { oneLine, type Terminal, visibleText } from '../terminal.ts';
import { type FilterOptions, findMatching, withFilters } from './dead-letter-filters.ts';
import { addDeadLetterActions } from './dead-letters-act.ts';

/** People are shown at most this many; `--limit` and `--json` give more. */
const ROWS_FOR_PEOPLE = 50;

/** `waybill dead-letters`: the events given up on, and what to do with them. */
export function addDeadLettersCommand(program: Command): void {
  const group = program
    .command('dead-letters')
    .description('list, show, export, replay or discard the events given up on');
  withFilters(group.command('list').description('list dead letters, oldest first')).action(
    operatorAction(list),
  );
  group
    .command('show')
    .argument('<id>', "the event's id")
    .option('--client <name>', 'look at one client only')
    .description('show a dead letter: every attempt, the response, the payload')
    .action(operatorAction(showOne));
  withFilters(
    group
      .command('export')
      .description('write dead letters as NDJSON, oldest first; "send --from-export" takes them back'),
  )
    .option('--output <file>', 'a new file to write to; default: stdout')
    .action(operatorAction(exportAll));
  addDeadLetterActions(group);
}

async function list(terminal: Terminal, operator: Operator, options: FilterOptions): Promise<number> {
  const keep = terminal.json ? Number.POSITIVE_INFINITY : (options.limit ?? ROWS_FOR_PEOPLE);
  const rows: ReturnType<typeof deadLetterRow>[] = [];
  let found = 0;
  for await (const page of findMatching(operator, options)) {
    found += page.length;
    rows.push(...page.slice(0, keep - rows.length).map(deadLetterRow));
  }
  terminal.value(rows);
  if (found === 0) {
    terminal.line('No dead letters.');
    return EXIT.done;
  }
  terminal.table(
    ['client', 'id', 'type', 'unit', 'attempts', 'status', 'class', 'died at'],
    rows.map(({ client, id, type, unit, attempts, status, class: failureClass, diedAt }) => [
      ...[client, id, type, unit, attempts, status ?? '-', failureClass, formatTime(Date.parse(diedAt))],
    ]),
    [4],
  );
  if (found > rows.length) {
    terminal.line(`\n${formatCount(found)} in all; the oldest ${rows.length} are shown. --limit shows more.`);
  }
  return EXIT.done;
}

async function showOne(
  terminal: Terminal,
  operator: Operator,
  options: GlobalOptions & { client?: string },
  id: string,
): Promise<number> {
  for await (const [letter] of findMatching(operator, { ...options, id, limit: 1 })) {
    if (letter !== undefined) show(terminal, letter);
    return EXIT.done;
  }
  const names = chooseClients(operator.config, options.client);
  throw new UsageError(`event ${id} is not among the dead letters of ${names.join(', ')}`);
}

function show(terminal: Terminal, { client, event }: DeadLetter): void {
  const value = deadLetterDetail({ client, event });
  terminal.value(value);
  const facts = [`client ${client}`, event.type, `unit ${oneLine(event.unit)}`, `replays ${event.life ?? 0}`];
  terminal.line(`${terminal.style('bold', event.id)}\n${facts.join('   ')}\n`);
  if (event.history === undefined) terminal.line('No attempt was made.');
  else printAttempts(terminal, event);
  const { fieldErrors = [] } = value;
  if (fieldErrors.length > 0) {
    terminal.line('\nFields that the endpoint objected to');
    for (const { field, code } of fieldErrors) terminal.line(`  ${oneLine(`${field}: ${code}`)}`);
  }
  const response = lastFailure(event).status === 0 ? 'No response' : 'Last response';
  const heading =
    event.expiredAt === undefined
      ? response
      : `Expired at ${new Date(event.expiredAt).toISOString()}, not sent`;
  const sent = event.history === undefined ? 'To be sent to' : 'Sent to';
  if (event.url !== undefined) terminal.line(`\n${sent}\n${indent(event.url)}`);
  const headers = Object.entries(event.headers ?? {}).map(
    ([name, text]) => `  ${oneLine(`${name}: ${text}`)}\n`,
  );
  terminal.verbatim(
    `\n${heading}\n${headers.join('')}${headers.length === 0 ? '' : '\n'}${indent(event.response || '(empty)')}`,
  );
  terminal.verbatim(`\nPayload\n${indent(JSON.stringify(JSON.parse(event.body), undefined, 2))}`);
}

/** Prints a dead letter's attempts as a table. */
export function printAttempts(terminal: Terminal, event: StoredEvent): void {
  terminal.table(
    ['attempt', 'ended at', 'status', 'class', 'ms'],
    attemptsOf(event).map(({ attempt, at, status, class: failureClass, ms }) => [
      ...[attempt, new Date(at).toISOString(), status ?? '-', failureClass, ms],
    ]),
    [0, 4],
  );
}

function indent(text: string): string {
  return visibleText(text).replace(/(^|\n)/g, '$1  ');
}

function exportAll(
  terminal: Terminal,
  operator: Operator,
  { output: file, ...filters }: FilterOptions & { readonly output?: string },
): Promise<number> {
  const pages = findMatching(operator, filters);
  return untilInterrupted(async (signal) => {
    try {
      const exported = await writeAll(pages, file, signal);
      if (file === undefined) terminal.note(`${formatCount(exported)} exported.`);
      else {
        terminal.value({ exported, file });
        terminal.line(`${formatCount(exported)} exported to ${file}.`);
      }
      return EXIT.done;
    } catch (error) {
      if (!signal.aborted) throw error;
      terminal.note(
        `Interrupted: ${file === undefined ? 'the rest was not written' : 'no file was written'}.`,
      );
      return EXIT.interrupted;
    }
  });
}

/** Writes page by page: at most one waits to be written. @throws the signal's reason, if it ends it */
function writeAll(
  pages: AsyncIterable<readonly DeadLetter[]>,
  file: string | undefined,
  signal: AbortSignal,
): Promise<number> {
  return withProgress('exported', undefined, async (update) => {
    let exported = 0;
    async function* lines(): AsyncGenerator<string> {
      for await (const page of pages) {
        signal.throwIfAborted();
        yield page.map(({ client, event }) => toExportLine(client, event)).join('');
        exported += page.length;
        update(exported);
      }
      signal.throwIfAborted();
    }
    await (file === undefined ? writeToStdout(lines()) : writeToFile(file, lines()));
    return exported;
  });
}
