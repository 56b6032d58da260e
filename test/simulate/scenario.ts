import { seededRandom } from '../../src/core/random.ts';
import type { EndpointOptions } from './endpoint.ts';
import type { World } from './world.ts';

/** What a run measured, by name. NaN: it did not happen. */
export type Figures = Readonly<Record<string, number>>;

/** What a figure is held to. */
export interface Bound {
  readonly figure: string;
  readonly is: 'at most' | 'at least';
  readonly bound: number;
  /** Every seed keeps the bound, or half of them do. */
  readonly of: 'worst' | 'median';
  /** What it should be one day. */
  readonly goal?: number;
}

/** One case of the table: subject, condition and result are its name. */
export interface Scenario {
  readonly name: string;
  readonly bounds: readonly Bound[];
  run(seed: number): Figures;
}

/** The worst seed has at most this. */
export function atMost(figure: string, bound: number, goal?: number): Bound {
  return { figure, is: 'at most', bound, of: 'worst', ...(goal === undefined ? {} : { goal }) };
}

/** The worst seed has at least this. */
export function atLeast(figure: string, bound: number, goal?: number): Bound {
  return { figure, is: 'at least', bound, of: 'worst', ...(goal === undefined ? {} : { goal }) };
}

/** Half of the seeds keep the bound. */
export function inMedian(bound: Bound): Bound {
  return { ...bound, of: 'median' };
}

/** An endpoint of 300/s: 12 requests at a time, 40 ms each, 50 may queue. Its network and its noise vary by seed. */
export function endpointOf(seed: number, options: Partial<EndpointOptions> = {}): EndpointOptions {
  const random = seededRandom(seed + 31_337);
  return {
    atOnce: 12,
    workMs: 40,
    queue: 50,
    beyond: 503,
    netMs: 1 + 20 * random() * random(),
    noise: 0.05 + 0.6 * random(),
    refuseMs: 0.5 + 20 * random() * random() * random(),
    ...options,
  };
}

/** Sum of the seconds from `from` up to, and without, `to`. */
export function sumOf(perSecond: readonly (number | undefined)[], from: number, to: number): number {
  let sum = 0;
  for (let second = from; second < to; second += 1) sum += perSecond[second] ?? 0;
  return sum;
}

/** Delivered per second from second `from` on, up to the second in which 93 % were delivered. */
export function deliveredPerSecondFrom({ counts }: World, from: number, events: number): number {
  let to = 0;
  let sum = 0;
  while (to < counts.deliveredIn.length && sum < events * 0.93) {
    sum += counts.deliveredIn[to] ?? 0;
    to += 1;
  }
  return sumOf(counts.deliveredIn, from, to) / (to - from);
}

/** The value below which this share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
