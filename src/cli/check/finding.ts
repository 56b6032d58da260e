import { type Terminal, visibleText } from '../terminal.ts';

/** A finding without its subject. With an `error` events are lost or not delivered, with a `warning` they may be. */
export interface Remark {
  readonly level: 'ok' | 'note' | 'warning' | 'error';
  /** A sentence. */
  readonly message: string;
}

/** One thing that `waybill check` found out. */
export interface CheckFinding extends Remark {
  /** What it is about: `configuration`, `redis` or `clients.<name>`. */
  readonly subject: string;
}

/** Says something. */
export const remark = (level: Remark['level'], message: string): Remark => ({ level, message });

/** Says something about a subject. */
export function about(subject: string, remarks: readonly Remark[]): CheckFinding[] {
  return remarks.map(({ level, message }) => ({ level, subject, message }));
}

/** The subject of findings about one client. */
export function clientSubject(client: string): string {
  return `clients.${client}`;
}

const STYLES = { ok: 'green', note: 'cyan', warning: 'yellow', error: 'red' } as const;
const LEVEL_WIDTH = 'warning'.length;

/** Prints findings for people, in groups by subject, and a last line that adds them up. */
export function printFindings(terminal: Terminal, findings: readonly CheckFinding[]): void {
  for (const subject of new Set(findings.map((finding) => finding.subject))) {
    terminal.line(terminal.style('bold', headline(subject)));
    for (const { level, message } of findings.filter((finding) => finding.subject === subject)) {
      terminal.line(`  ${terminal.style(STYLES[level], level.padEnd(LEVEL_WIDTH))}  ${visibleText(message)}`);
    }
  }
  terminal.line(`\n${count(findings, 'error')}, ${count(findings, 'warning')}`);
}

function headline(subject: string): string {
  if (subject === 'redis') return 'Redis';
  if (subject === 'configuration') return 'Configuration';
  return subject.replace(/^clients\./, 'Client ');
}

function count(findings: readonly CheckFinding[], level: Remark['level']): string {
  const found = findings.filter((finding) => finding.level === level).length;
  return `${found} ${level}${found === 1 ? '' : 's'}`;
}
