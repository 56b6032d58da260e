import type { StoredEvent } from '../../core/event.ts';
import { attemptsOf } from '../../dead-letters/dead-letter-value.ts';
import type { Terminal } from '../terminal.ts';

/** Prints a dead letter's attempts as a table. */
export function attemptRows(terminal: Terminal, event: StoredEvent): void {
  terminal.table(
    ['attempt', 'ended at', 'status', 'class', 'ms'],
    attemptsOf(event).map(({ attempt, at, status, class: failureClass, ms }) => [
      attempt,
      new Date(at).toISOString(),
      status ?? '-',
      failureClass,
      ms,
    ]),
    [0, 4],
  );
}
