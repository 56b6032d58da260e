import { encodeIntoCompressedBase64, Int32Histogram } from 'hdr-histogram-js';

const DIGITS = 3;
const MICROSECONDS = 1_000;
/** The range reaches this far at least. */
const LONGEST_MS = 60_000;

/** Durations in milliseconds, kept in an HDR histogram of microseconds. */
export class LatencyHistogram {
  // 32 bits a count are more than a run has requests.
  readonly #hdr: Int32Histogram;

  /** Empty, for durations from 1 µs to a minute or `longestMs`, whichever is more. */
  constructor(longestMs = LONGEST_MS) {
    this.#hdr = new Int32Histogram(1, Math.ceil(Math.max(LONGEST_MS, longestMs) * MICROSECONDS), DIGITS);
  }

  get total(): number {
    return this.#hdr.totalCount;
  }

  /** 0: it is empty. */
  get maxMs(): number {
    return this.total === 0 ? 0 : this.#hdr.maxValue / MICROSECONDS;
  }

  /** 0: it is empty. */
  get meanMs(): number {
    return this.total === 0 ? 0 : this.#hdr.mean / MICROSECONDS;
  }

  /** A duration above the range counts as its longest, one below 0 as 0. */
  record(ms: number): void {
    const microseconds = Math.max(0, Math.round(ms * MICROSECONDS));
    this.#hdr.recordValue(Math.min(this.#hdr.highestTrackableValue, microseconds));
  }

  /** How many took this long or longer, to three digits. */
  countAtOrAbove(ms: number): number {
    let below = 0;
    for (const [value, upTo] of this.steps()) {
      if (value >= ms) break;
      below = upTo;
    }
    return this.total - below;
  }

  /** The duration that `p` (0 to 100) per cent do not exceed; 0: it is empty. */
  percentileMs(p: number): number {
    return this.total === 0 ? 0 : this.#hdr.getValueAtPercentile(p) / MICROSECONDS;
  }

  /** Each recorded duration (ms), as the highest of its bucket, and how many there are up to it; ascending. */
  *steps(): Generator<readonly [ms: number, upTo: number]> {
    const iterator = this.#hdr.recordedValuesIterator;
    iterator.reset();
    while (iterator.hasNext()) {
      const { valueIteratedTo, totalCountToThisValue } = iterator.next();
      yield [valueIteratedTo / MICROSECONDS, totalCountToThisValue];
    }
  }

  reset(): void {
    this.#hdr.reset();
  }

  /** As HdrHistogram exchanges them between languages (V2, deflated), in microseconds. */
  encode(): string {
    return encodeIntoCompressedBase64(this.#hdr);
  }
}
