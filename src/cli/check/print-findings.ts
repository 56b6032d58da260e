import { type CheckFinding, clientSubject, type Remark } from '../../check/finding.ts';
import { groupBy } from '../../core/group-by.ts';
import { formatCount } from '../../core/quantity-text.ts';
import { type Terminal, visibleText } from '../terminal.ts';

const STYLES = { ok: 'green', note: 'cyan', warning: 'yellow', error: 'red' } as const;
const LEVEL_WIDTH = 'warning'.length;
/** With this many clients or more, what is well is not told of each. */
const MANY_CLIENTS = 20;
/** How many are told of findings of many clients that are alike. */
const ALIKE_SHOWN = 5;

/**
 * Prints findings for people, in groups by subject, and a last line that adds them up. Of many clients, the ones that
 * are well are counted, and of findings that are alike the first few stand for all.
 */
export function printFindings(terminal: Terminal, findings: readonly CheckFinding[]): void {
  const bySubject = groupBy(findings, ({ subject }) => subject);
  const ofClients = [...bySubject].filter(([subject]) => subject.startsWith(clientSubject('')));
  const isMany = ofClients.length > MANY_CLIENTS;
  for (const [subject, found] of bySubject) {
    if (isMany && subject.startsWith(clientSubject(''))) continue;
    terminal.line(terminal.style('bold', headline(subject)));
    for (const { level, message } of found) printLine(terminal, level, message);
  }
  if (isMany) printMany(terminal, new Map(ofClients));
  terminal.line(`\n${count(findings, 'error')}, ${count(findings, 'warning')}`);
}

function printLine(terminal: Terminal, level: Remark['level'], message: string): void {
  const text = `  ${terminal.style(STYLES[level], level.padEnd(LEVEL_WIDTH))}  ${visibleText(message)}`;
  terminal.line(text, LEVEL_WIDTH + 2);
}

function printMany(terminal: Terminal, byClient: ReadonlyMap<string, readonly CheckFinding[]>): void {
  const all = [...byClient.values()].flat();
  terminal.line(terminal.style('bold', `${formatCount(byClient.size)} clients`));
  for (const level of ['error', 'warning', 'note'] as const) {
    const alike = new Map<string, CheckFinding[]>();
    for (const finding of all.filter((each) => each.level === level)) {
      const kind = finding.class ?? '';
      const known = alike.get(kind);
      if (known === undefined) alike.set(kind, [finding]);
      else known.push(finding);
    }
    for (const [kind, found] of alike) printAlike(terminal, level, kind, found);
  }
  const isWell = (found: readonly CheckFinding[]): boolean =>
    found.every(({ level }) => level === 'ok' || level === 'note');
  const well = [...byClient.values()].filter(isWell).length;
  const each = '"waybill check <client>" tells all of one, --json all of each';
  printLine(
    terminal,
    'ok',
    `${formatCount(well)} of ${formatCount(byClient.size)} clients are well; ${each}`,
  );
}

function printAlike(
  terminal: Terminal,
  level: Remark['level'],
  kind: string,
  found: readonly CheckFinding[],
): void {
  for (const { subject, message } of found.slice(0, ALIKE_SHOWN)) {
    printLine(terminal, level, `${subject.slice(clientSubject('').length)}: ${message}`);
  }
  const more = found.length - ALIKE_SHOWN;
  if (more <= 0) return;
  const what = kind === '' ? '' : ` (${kind})`;
  printLine(terminal, level, `and ${formatCount(more)} more like these${what}`);
}

function headline(subject: string): string {
  if (subject === 'redis') return 'Redis';
  if (subject === 'configuration') return 'Configuration';
  return subject.replace(/^clients\./, 'Client ');
}

function count(findings: readonly CheckFinding[], level: Remark['level']): string {
  const found = findings.filter((finding) => finding.level === level).length;
  return `${formatCount(found)} ${level}${found === 1 ? '' : 's'}`;
}
