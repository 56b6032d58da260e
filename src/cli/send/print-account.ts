import { formatCount, type Terminal, visibleText } from '../terminal.ts';
import type { Account } from './account.ts';

/** Prints for people what became of the events. */
export function printAccount(terminal: Terminal, account: Account): void {
  const counts = [`${formatCount(account.accepted)} accepted`, `${formatCount(account.refused)} refused`];
  if (account.repeated > 0) counts.push(`${formatCount(account.repeated)} repeated`);
  if (account.unknown > 0) counts.push(`${formatCount(account.unknown)} unknown`);
  terminal.line(counts.join(', '));
  for (const { line, problems } of account.shown) {
    const head = `  line ${formatCount(line)}: `;
    const texts = problems.map(({ path, message }) => (path === '$' ? message : `${path} ${message}`));
    terminal.line(visibleText(head + texts.join(`\n${' '.repeat(head.length)}`)));
  }
  const more = account.showable - account.shown.length;
  if (more > 0) terminal.line(`  … and ${formatCount(more)} more; --json lists all of them`);
  if (account.unknownLines !== undefined) {
    const [first, last] = account.unknownLines.map(formatCount);
    const lines = first === last ? `line ${first}` : `lines ${first} to ${last}`;
    const advice = account.isKeyed
      ? 'send them again under the same keys, which doubles none'
      : 'sending them again may double them';
    terminal.line(`  ${lines}: unknown whether Redis has them; ${advice}`);
  }
}
