import type { StoredEvent } from '../../core/event.ts';
import type { Terminal } from '../terminal.ts';

/** A failed attempt as people and machines read it. */
export interface AttemptRow {
  readonly attempt: number;
  /** ms since the epoch */
  readonly at: number;
  /** null: there was no status */
  readonly status: number | null;
  readonly class: string;
  readonly ms: number;
}

/** The attempts of a dead letter's last life. */
export function attemptsOf(event: StoredEvent): AttemptRow[] {
  return (event.history ?? []).map(([at, status, failureClass, ms], i) => ({
    attempt: i + 1,
    at,
    status: status === 0 ? null : status,
    class: failureClass,
    ms,
  }));
}

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
