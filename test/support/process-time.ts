import { onTestFinished } from 'vitest';

const STEP_MS = 10;
/** What a step counts for at most, however late it comes. */
const MOST_MS = 2 * STEP_MS;

/** How much time has passed for this process. */
export interface ProcessTime {
  /** From one moment to another, both in ms since the epoch; not before the count began. */
  msBetween(from: number, to: number): number;
}

/**
 * Counts time as the timers of this process see it, until the test is over: while others have the processor, or work of
 * its own keeps its timers waiting, hardly any passes. What a server and its client in one process take is so
 * measured alike on every machine.
 */
export function countProcessTime(): ProcessTime {
  const steps: { readonly at: number; readonly ms: number }[] = [];
  let last = Date.now();
  const timer = setInterval(() => {
    const at = Date.now();
    steps.push({ at, ms: Math.min(at - last, MOST_MS) });
    last = at;
  }, STEP_MS);
  onTestFinished(() => clearInterval(timer));
  return {
    msBetween: (from, to) =>
      steps.filter(({ at }) => at > from && at <= to).reduce((sum, { ms }) => sum + ms, 0),
  };
}

/** A clock, in milliseconds, on which no more time passes than the timers of this process see, until the test is over. */
export function startProcessClock(): () => number {
  let last = performance.now();
  let passed = 0;
  const now = (): number => passed + Math.min(performance.now() - last, MOST_MS);
  const timer = setInterval(() => {
    passed = now();
    last = performance.now();
  }, STEP_MS);
  onTestFinished(() => clearInterval(timer));
  return now;
}

/** How long this process has had a processor, in ms: hardly more on a machine that is busy with others. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
