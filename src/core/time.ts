/**
 * Milliseconds since the epoch, also after a correction of the clock: for dates that others wrote, in code that is not
 * handed a clock. Rules are handed theirs.
 */
export const wallNow = (): number => Date.now();

/**
 * Waits for a promise, but no longer than `ms` milliseconds. Rejects as the promise does.
 *
 * @returns the promise's value; undefined: time was up first
 */
export async function atMost<Value>(ms: number, promise: Promise<Value>): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([promise, timeUp]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Does something now, and again each time that `waitMs` have passed since it was done.
 *
 * @param waitMs milliseconds; a function is asked before each wait
 * @param action must not reject
 * @returns what stops it; resolves once an action under way is done
 */
export function every(waitMs: number | (() => number), action: () => Promise<unknown>): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  async function run(): Promise<void> {
    await action();
    if (isStopped) return;
    const again = (): void => {
      running = run();
    };
    timer = setTimeout(again, typeof waitMs === 'number' ? waitMs : waitMs());
  }
  let running = run();
  return () => {
    isStopped = true;
    clearTimeout(timer);
    return running;
  };
}

/** A time in which a process stands still counts as one of these parts at most. */
const PARTS = 10;

/**
 * Calls back once this process has run for `ms` milliseconds. After it stood still (Ctrl-Z, a laptop asleep) there is
 * time left to read what came meanwhile; a plain timer that fell due meanwhile fires before anything is read.
 *
 * @returns what stops it
 */
export function afterRunning(ms: number, action: () => void): () => void {
  let left = PARTS;
  const timer = setInterval(() => {
    left -= 1;
    if (left > 0) return;
    clearInterval(timer);
    action();
  }, ms / PARTS);
  return () => clearInterval(timer);
}

/** Keeps the process from ending, for a wait whose own timers do not. @returns what lets it end */
export function keepProcessAlive(): () => void {
  const timer = setInterval(() => {}, 60_000);
  return () => clearInterval(timer);
}

/**
 * Runs an action each time that it is asked for, never twice at once. Of several calls that come while it runs,
 * one further run serves all: it begins after each of them.
 *
 * @param action logs its own failure: the runs after it go on
 */
export function runOnceMore(action: () => Promise<void>): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  let isWaiting = false;
  const run = (): Promise<void> => {
    isWaiting = false;
    return action();
  };
  return () => {
    if (!isWaiting) last = last.then(run, run);
    isWaiting = true;
    return last;
  };
}
