import type { Problem } from '../../core/problem.ts';
import type { SubmitResult } from '../../intake/submit-result.ts';

/** A line whose event was refused. */
export interface RefusedLine {
  readonly line: number;
  readonly problems: readonly Problem[];
}

/** Where the lines are kept that people are shown; the rest is counted. */
const SHOWN = 20;

/** What has become of the events so far. */
export class Account {
  accepted = 0;
  /** Accepted before, under the same idempotency key; not among the accepted. */
  repeated = 0;
  refused = 0;
  unknown = 0;
  /** The first refused events, for people. Those that Redis was the reason for are not among them. */
  readonly shown: RefusedLine[] = [];
  /** Refused events that could be shown. */
  showable = 0;
  /** The lines of the first and the last event whose outcome is unknown. */
  unknownLines: readonly [first: number, last: number] | undefined;
  /** The last line that was dealt with. */
  lastLine = 0;
  /** Why Redis takes no more; undefined as long as it does. */
  failure: string | undefined;
  /** What is to be told about each refused event, in the order of the input. */
  readonly #onRefused: (refused: RefusedLine) => void;
  /** Whether events have idempotency keys, so that sending them again doubles none. */
  readonly isKeyed: boolean;

  constructor(onRefused: (refused: RefusedLine) => void, isKeyed: boolean) {
    this.#onRefused = onRefused;
    this.isKeyed = isKeyed;
  }

  /** All events so far. */
  get total(): number {
    return this.accepted + this.repeated + this.refused + this.unknown;
  }

  /** Counts one event. */
  count(line: number, result: SubmitResult): void {
    this.lastLine = line;
    if (result.outcome === 'accepted') {
      if (result.repeated) this.repeated += 1;
      else this.accepted += 1;
      return;
    }
    const { problems } = result;
    if (result.outcome === 'unknown') {
      this.unknown += 1;
      this.unknownLines = [this.unknownLines?.[0] ?? line, line];
      this.failure ??= problems[0]?.message;
      return;
    }
    this.refused += 1;
    this.#onRefused({ line, problems });
    if (result.code.startsWith('REDIS_')) {
      this.failure ??= problems[0]?.message;
      return;
    }
    this.showable += 1;
    if (this.shown.length < SHOWN) this.shown.push({ line, problems });
  }
}
