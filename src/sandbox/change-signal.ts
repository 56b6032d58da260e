/** A condition did not hold in time; the message says what there was instead. */
export class WaitTimeoutError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WaitTimeoutError';
  }
}

/** Lets many wait for conditions, which are checked after each change, without polling. */
export interface ChangeSignal {
  /** Says that something changed. */
  changed(): void;
  /** Ends all present and future waits with this error. */
  fail(error: Error): void;
  /**
   * Resolves as soon as the condition holds; rejects with a {@link WaitTimeoutError} made from `describe`
   * after `timeoutMs`, with the condition's own error if it throws, or with that of `fail`.
   */
  until(condition: () => boolean, timeoutMs: number, describe: () => string): Promise<void>;
}

/** Makes a signal without waits. */
export function createChangeSignal(): ChangeSignal {
  const waits = new Set<() => void>();
  let failure: Error | undefined;

  const wakeAll = (): void => {
    if (waits.size > 0) for (const wake of [...waits]) wake();
  };

  return {
    changed: wakeAll,
    fail: (error) => {
      failure ??= error;
      wakeAll();
    },
    until: (condition, timeoutMs, describe) =>
      new Promise((resolve, reject) => {
        const end = (act: () => void): void => {
          waits.delete(check);
          clearTimeout(timer);
          act();
        };
        const check = (): void => {
          try {
            if (condition()) end(resolve);
            else if (failure !== undefined) end(() => reject(failure));
          } catch (error) {
            end(() => reject(error));
          }
        };
        const timer = setTimeout(() => end(() => reject(new WaitTimeoutError(describe()))), timeoutMs);
        waits.add(check);
        check();
      }),
  };
}
