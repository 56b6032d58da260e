import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js';

/** Durations in milliseconds, kept in an HDR histogram of microseconds. */
export interface LatencyHistogram {
  readonly total: number;
  readonly maxMs: number;
  /** 0: it is empty. */
  readonly meanMs: number;
  /** A duration above the histogram's range counts as its longest, one below 0 as 0. */
  record(ms: number): void;
  /** How many took this long or longer, to three digits. */
  countAtOrAbove(ms: number): number;
  /** The duration that `p` (0 to 100) per cent do not exceed; 0: it is empty. */
  percentileMs(p: number): number;
  /** Duration (ms) and how many there are up to it, ascending: one for each value that was recorded. */
  steps(): readonly (readonly [ms: number, upTo: number])[];
  reset(): void;
  /** As HdrHistogram exchanges them between languages (V2, deflated), in microseconds. */
  encode(): string;
}

const DIGITS = 3;
const MICROSECONDS = 1_000;
/** The range reaches this far at least. */
const LONGEST_MS = 60_000;

type Hdr = ReturnType<typeof build>;

/** Makes an empty histogram, for durations from 1 µs to a minute or `longestMs`, whichever is more. */
export function createLatencyHistogram(longestMs: number = LONGEST_MS): LatencyHistogram {
  const highest = Math.ceil(Math.max(LONGEST_MS, longestMs) * MICROSECONDS);
  // 32 bits a count are more than a run has requests. Not as WebAssembly, which has to be freed.
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
    steps: () => [...stepsOf(hdr)].map(([value, upTo]) => [value / MICROSECONDS, upTo]),
    reset: () => hdr.reset(),
    encode: () => encodeIntoCompressedBase64(hdr),
  };
}

/** Not in the library's published types, though its own writers use it. */
interface Iterable {
  readonly recordedValuesIterator: {
    reset(): void;
    hasNext(): boolean;
    next(): { valueIteratedTo: number; totalCountToThisValue: number };
  };
}

/** Each recorded value, as the highest of its bucket, and how many there are up to it. */
function* stepsOf(hdr: Hdr): Generator<readonly [microseconds: number, upTo: number]> {
  const iterator = (hdr as unknown as Iterable).recordedValuesIterator;
  iterator.reset();
  while (iterator.hasNext()) {
    const { valueIteratedTo, totalCountToThisValue } = iterator.next();
    yield [valueIteratedTo, totalCountToThisValue];
  }
}

function countAtOrAbove(hdr: Hdr, microseconds: number): number {
  let below = 0;
  for (const [value, upTo] of stepsOf(hdr)) {
    if (value >= microseconds) break;
    below = upTo;
  }
  return hdr.totalCount - below;
}
