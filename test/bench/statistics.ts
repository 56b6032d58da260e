/*
 * How a measurement is judged. The interval is that of the sign test: with n paired values in order, the true
 * median lies between the kth smallest and the kth largest with a probability that follows from the binomial
 * distribution alone, whatever the values are distributed like. It needs no generator and is the same each time
 * for the same values.
 */

/** A median with the interval that holds the true one. */
export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** The probability that the interval holds the true median: at least 0.95 from six values on. */
  readonly confidence: number;
}

/** How an interval lies to a target that is "at least so much". */
export type Verdict = 'met' | 'undecided' | 'missed';

const CONFIDENCE = 0.95;

/** The median; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [below, above] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  if (below === undefined || above === undefined) return Number.NaN;
  return (below + above) / 2;
}

/**
 * The median with the narrowest interval between order statistics that holds the true one with 95 %. Fewer than
 * six values cannot say as much: the interval is then their whole range, and `confidence` tells what it is worth.
 */
export function estimate(values: readonly number[]): Estimate {
  const sorted = [...values].sort((a, b) => a - b);
  const count = sorted.length;
  let rank = 1;
  while (rank < count / 2 && confidenceOf(count, rank + 1) >= CONFIDENCE) rank += 1;
  return {
    median: median(sorted),
    low: sorted[rank - 1] ?? Number.NaN,
    high: sorted[count - rank] ?? Number.NaN,
    confidence: Math.max(0, confidenceOf(count, rank)),
  };
}

/** The probability that the median lies between the kth smallest and the kth largest of `count` values. */
function confidenceOf(count: number, rank: number): number {
  let term = 0.5 ** count;
  let below = 0;
  for (let k = 0; k < rank; k += 1) {
    below += term;
    term *= (count - k) / (k + 1);
  }
  return 1 - 2 * below;
}

/** The ratios of values that were measured in the same round. @throws where the two do not pair up */
export function pairedRatios(above: readonly number[], below: readonly number[]): number[] {
  if (above.length !== below.length) {
    throw new RangeError(`${above.length} and ${below.length} values do not pair up`);
  }
  return above.map((value, index) => value / (below[index] ?? Number.NaN));
}

/** Met where the whole interval reaches the target, missed where none of it does, or else undecided. */
export function judge({ low, high, confidence }: Estimate, atLeast: number): Verdict {
  if (!(confidence >= CONFIDENCE)) return 'undecided';
  if (low >= atLeast) return 'met';
  return high < atLeast ? 'missed' : 'undecided';
}

/** The verdict on a goal and the floor under it, in words. */
export function describeVerdict(measured: Estimate, goal: number, floor: number): string {
  const [onGoal, onFloor] = [judge(measured, goal), judge(measured, floor)];
  if (onGoal === 'met') return 'met';
  if (onFloor === 'missed') return 'below floor';
  if (goal === floor) return 'undecided';
  return `${onFloor === 'met' ? 'floor met' : 'floor undecided'}, goal ${onGoal}`;
}
