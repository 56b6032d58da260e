import { diedAt, lastFailure } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';

const HEAD = ['unit', 'type', 'event', 'given_up_at', 'status', 'class', 'attempts'];
/** Some 7 MB as an attachment: mail servers refuse what is much larger. */
const MOST_ROWS = 40_000;
/** What a spreadsheet takes for a formula, also behind blanks. */
const FORMULA = /^\s*[=+\-@]/;
/** What separates cells and lines; spreadsheets in some languages take a semicolon for it. */
const SEPARATING = /[",;\t\r\n]/;

/** The units of the events that were given up on, as CSV (RFC 4180): nothing of what was sent or answered. */
export class UnitList {
  /** Events; those beyond the most are counted. */
  count = 0;
  readonly #lines = [lineOf(HEAD)];

  add(event: StoredEvent): void {
    this.count += 1;
    if (this.count > MOST_ROWS) return;
    const { id, type, unit, history = [] } = event;
    const { status, failureClass } = lastFailure(event);
    const at = new Date(diedAt(event)).toISOString();
    this.#lines.push(
      lineOf([unit, type, id, at, status === 0 ? '' : String(status), failureClass, String(history.length)]),
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

function lineOf(cells: readonly string[]): string {
  return `${cells.map(cellOf).join(',')}\r\n`;
}

function cellOf(text: string): string {
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return SEPARATING.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
