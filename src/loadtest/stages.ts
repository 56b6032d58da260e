import { type ArrivalOptions, createSchedule, type Stage } from './schedule.ts';

/** A ramp from nothing warms up at a tenth of what it goes to. */
const WARM_SHARE = 0.1;

/** The stages with a warm-up before them, at the rate that they begin with. */
export function withWarmup(stages: readonly Stage[], warmupMs: number): readonly Stage[] {
  const [first] = stages;
  if (first === undefined || warmupMs === 0) return stages;
  const rate = first.fromRate > 0 ? first.fromRate : first.toRate * WARM_SHARE;
  return [{ durationMs: warmupMs, fromRate: rate, toRate: rate }, ...stages];
}

/** The highest rate that stages come to, in events per second. */
export function highestRate(stages: readonly Stage[]): number {
  return Math.max(...stages.map(({ fromRate, toRate }) => Math.max(fromRate, toRate)));
}

/** How many events stages with their warm-up come to, random gaps as the seed draws them. */
export function countEvents(
  stages: readonly Stage[],
  warmupMs: number,
  { arrivals, seed }: ArrivalOptions,
): number {
  return createSchedule(withWarmup(stages, warmupMs), { arrivals, seed }).total;
}
