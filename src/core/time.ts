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
