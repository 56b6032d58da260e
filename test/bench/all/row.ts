import { describeVerdict, type Estimate, judge } from '../statistics.ts';

/** One target with what was measured of it. */
export interface Row {
  readonly name: string;
  /** As people read it, with the interval where there is one. */
  readonly measured: string;
  /** A value, or the 95 % interval that holds it. */
  readonly value: number | { readonly low: number; readonly high: number };
  /** Absent: the value is only told. */
  readonly goal?: number;
  /** Absent: there is none below the goal. */
  readonly floor?: number;
  readonly verdict: string;
  /** What exactly was measured. */
  readonly detail: string;
}

/** Measures one or more targets; `scale` 1 is their full size, less is a try that shows that it works. */
export type Measure = (scale: number) => Promise<Row | readonly Row[]>;

/** A target, and how what was measured of it is written. */
export interface Target {
  readonly name: string;
  readonly goal: number;
  readonly floor?: number;
  /** Whether more is better, or less. */
  readonly better: 'more' | 'less';
  /** Behind the value; default: nothing, as for a ratio. */
  readonly unit?: string;
  readonly digits?: number;
  readonly detail: string;
}

/** The row of what was measured in rounds: met where the whole interval lies within the target. */
export function rowOfRounds(target: Target, measured: Estimate): Row {
  const { low, high, median } = measured;
  const write = writer(target);
  return {
    ...fixed(target),
    measured: `${write(median)} (${write(low)} – ${write(high)})`,
    value: { low, high },
    verdict: judgeTarget(target, measured),
  };
}

/**
 * The row of what does not vary, or is measured once.
 *
 * @param isDecided false: the measure ended before the value could be known, which then meets and misses nothing
 */
export function rowOfValue(target: Target, value: number, isDecided = true): Row {
  const sure: Estimate = { median: value, low: value, high: value, confidence: isDecided ? 1 : 0 };
  return { ...fixed(target), measured: writer(target)(value), value, verdict: judgeTarget(target, sure) };
}

/** The row of a value that is held to nothing. */
export function rowToTell(told: Omit<Target, 'goal' | 'floor' | 'better'>, value: number): Row {
  return { name: told.name, detail: told.detail, measured: writer(told)(value), value, verdict: 'told' };
}

function fixed({ name, goal, floor, detail }: Target) {
  return { name, goal, detail, ...(floor === undefined ? {} : { floor }) };
}

function writer({ unit, digits = 2 }: Pick<Target, 'unit' | 'digits'>): (value: number) => string {
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return (value) => `${value.toLocaleString('en-US', format)}${unit === undefined ? '' : ` ${unit}`}`;
}

/** "At most" is "at least" with the signs turned. */
function judgeTarget({ better, goal, floor }: Target, measured: Estimate): string {
  const { median, low, high, confidence } = measured;
  const turned = { median: -median, low: -high, high: -low, confidence };
  const [of, sign] = better === 'more' ? [measured, 1] : [turned, -1];
  return floor === undefined ? judge(of, sign * goal) : describeVerdict(of, sign * goal, sign * floor);
}
