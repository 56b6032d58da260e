import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js';

/** Durations, in an HDR histogram of microseconds; whoever reads it deals in milliseconds. */
export interface LatencyHistogram {
  readonly total: number;
  readonly maxMs: number;
  /** 0 where there is nothing. */
  readonly meanMs: number;
  /** What is longer than can be told apart counts as the longest that can; below 0 there is nothing. */
  record(ms: number): void;
  /** How many took so long or longer, to three digits: what cannot be told from it counts. */
  countAtOrAbove(ms: number): number;
  /** The duration that `p` (0 to 100) per cent do not exceed; 0 where there is nothing. */
  percentileMs(p: number): number;
  /** Duration (ms) and how many there are up to it, ascending: one for each value that was recorded. */
  steps(): readonly (readonly [ms: number, upTo: number])[];
  reset(): void;
  /** As HdrHistogram exchanges them between languages (V2, deflated), in microseconds. */
  encode(): string;
}

const DIGITS = 3;
const MICROSECONDS = 1_000;
/** What is told apart at least, whatever the time-out. */
const LONGEST_MS = 60_000;

type Hdr = ReturnType<typeof build>;

/** Makes an empty one, for durations from 1 µs to a minute or `longestMs`, whichever is more. */
export function createLatencyHistogram(longestMs: number = LONGEST_MS): LatencyHistogram {
  const highest = Math.ceil(Math.max(LONGEST_MS, longestMs) * MICROSECONDS);
  // 32 bits a count: a run has fewer requests than that. Not as WebAssembly, which has to be freed.
  const hdr = build({
    bitBucketSize: 32,
    autoResize: false,
    lowestDiscernibleValue: 1,
    highestTrackableValue: highest,
    numberOfSignificantValueDigits: DIGITS,
    useWebAssembly: false,
  });
  return {
    get total() {
      return hdr.totalCount;
    },
    get maxMs() {
      return hdr.totalCount === 0 ? 0 : hdr.maxValue / MICROSECONDS;
    },
    get meanMs() {
      return hdr.totalCount === 0 ? 0 : hdr.mean / MICROSECONDS;
    },
    record(ms) {
      hdr.recordValue(Math.min(highest, Math.max(0, Math.round(ms * MICROSECONDS))));
    },
    countAtOrAbove: (ms) => countAtOrAbove(hdr, Math.ceil(ms * MICROSECONDS)),
    percentileMs: (p) => (hdr.totalCount === 0 ? 0 : hdr.getValueAtPercentile(p) / MICROSECONDS),
    steps: () => [...countsOf(hdr)].map(({ highest: value, upTo }) => [value / MICROSECONDS, upTo]),
    reset: () => hdr.reset(),
    encode: () => encodeIntoCompressedBase64(hdr),
  };
}

interface Counted {
  /** The highest value that is counted with those recorded, in microseconds. */
  readonly highest: number;
  readonly count: number;
  /** Those before it included. */
  readonly upTo: number;
}

/** What is not part of the library's published interface, though it is how its own writers read it. */
interface Iterable {
  readonly recordedValuesIterator: {
    reset(): void;
    hasNext(): boolean;
    next(): { valueIteratedTo: number; countAddedInThisIterationStep: number; totalCountToThisValue: number };
  };
}

function* countsOf(hdr: Hdr): Generator<Counted> {
  const iterator = (hdr as unknown as Iterable).recordedValuesIterator;
  iterator.reset();
  while (iterator.hasNext()) {
    const { valueIteratedTo, countAddedInThisIterationStep, totalCountToThisValue } = iterator.next();
    yield {
      highest: valueIteratedTo,
      count: countAddedInThisIterationStep,
      upTo: totalCountToThisValue,
    };
  }
}

function countAtOrAbove(hdr: Hdr, microseconds: number): number {
  let count = 0;
  for (const counted of countsOf(hdr)) if (counted.highest >= microseconds) count += counted.count;
  return count;
}
