import { setTimeout as pause } from 'node:timers/promises';

/** Calls so many times at a rate, by the clock, whatever each call takes; resolves when all of them are through. */
export async function atRate(
  count: number,
  perSecond: number,
  call: (n: number) => Promise<unknown>,
): Promise<void> {
  const began = performance.now();
  const calls: Promise<unknown>[] = [];
  for (let n = 0; n < count; n += 1) {
    const wait = began + (n * 1_000) / perSecond - performance.now();
    if (wait > 0) await pause(wait);
    calls.push(call(n));
  }
  await Promise.all(calls);
}

/** The value below which a share of all values lies; NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
