import type { ReceivedTotals } from '../../sandbox/received-totals.ts';
import { formatCount, oneLine, type Terminal } from '../terminal.ts';

/** Prints what the sandbox received in all; with `--json` as the last line. */
export function printSummary(terminal: Terminal, { endpoints, faults }: ReceivedTotals): void {
  terminal.value({
    kind: 'summary',
    endpoints: Object.fromEntries(
      [...endpoints].map(([name, sums]) => [name, { ...sums, byAnswer: Object.fromEntries(sums.byAnswer) }]),
    ),
    contractFaults: Object.fromEntries(faults),
  });
  if (endpoints.size === 0) {
    terminal.line('\nNothing was received.');
    return;
  }
  terminal.line();
  terminal.table(
    ['', 'requests', 'delivered', 'doubled', 'answers'],
    [...endpoints].map(([name, { received, delivered, doubled, byAnswer }]) => {
      const answers = [...byAnswer].map(([answer, times]) => `${answer} × ${formatCount(times)}`);
      const counts = name === 'token' ? ['', ''] : [formatCount(delivered), formatCount(doubled)];
      return [name, formatCount(received), ...counts, answers.join(', ')];
    }),
    [1, 2, 3],
  );
  if (faults.size === 0) terminal.line('\nEvery request kept to the contract.');
  else terminal.line(`\n${terminal.style('red', 'Where requests differ from the contract')}`);
  for (const [fault, times] of faults) terminal.line(`  ${formatCount(times)} × ${oneLine(fault)}`);
}
