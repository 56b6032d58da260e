import { type Terminal, visibleText } from '../terminal.ts';
import type { CheckFinding, Level } from './finding.ts';

const STYLES = { ok: 'green', note: 'cyan', warning: 'yellow', error: 'red' } as const;
const LEVEL_WIDTH = 'warning'.length;

/** Prints findings for people, in groups by what they are about, and a last line that adds them up. */
export function printFindings(terminal: Terminal, findings: readonly CheckFinding[]): void {
  const subjects = [...new Set(findings.map(({ subject }) => subject))];
  for (const subject of subjects) {
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

function count(findings: readonly CheckFinding[], level: Level): string {
  const found = findings.filter((finding) => finding.level === level).length;
  return `${found} ${level}${found === 1 ? '' : 's'}`;
}
