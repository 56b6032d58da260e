import { csvLine } from '../core/csv.ts';
import { diedAt, lastFailure } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';

const HEAD = ['unit', 'type', 'event', 'given_up_at', 'status', 'class', 'attempts'];
/** Some 7 MB as an attachment: mail servers refuse what is much larger. */
const MOST_ROWS = 40_000;
/** The units of the events that were given up on, as CSV (RFC 4180): nothing of what was sent or answered. */
export class UnitList {
  /** Events; those beyond the most are counted. */
  count = 0;
  readonly #lines = [csvLine(HEAD)];

  add(event: StoredEvent): void {
    this.count += 1;
    if (this.count > MOST_ROWS) return;
    const { id, type, unit, history = [] } = event;
    const { status, failureClass } = lastFailure(event);
    const at = new Date(diedAt(event)).toISOString();
    this.#lines.push(
      csvLine([unit, type, id, at, status === 0 ? '' : String(status), failureClass, String(history.length)]),
    );
  }

  /** The number of events that it names. */
  get listed(): number {
    return this.#lines.length - 1;
  }

  get text(): string {
    return this.#lines.join('');
  }
}
