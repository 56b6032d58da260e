/** Thrown when what was waited for did not come in time; the message says what was there instead. */
export class WaitTimeoutError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WaitTimeoutError';
  }
}

/** Lets many wait for a condition that is looked at again whenever something changes, without polling. */
export interface ChangeSignal {
  /** Says that something changed. */
  changed(): void;
  /** Ends all present and future waits with this error. */
  fail(error: Error): void;
  /**
   * Resolves as soon as the condition holds; rejects with a {@link WaitTimeoutError} made from `describe`
   * after `timeoutMs`, with the condition's own error where it throws, or with that of `fail`.
   */
  until(condition: () => boolean, timeoutMs: number, describe: () => string): Promise<void>;
}

/** Makes a signal that nobody waits for yet. */
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
        const settle = (act: () => void): void => {
          waits.delete(look);
          clearTimeout(timer);
          act();
        };
        const look = (): void => {
          try {
            if (condition()) settle(resolve);
            else if (failure !== undefined) settle(() => reject(failure));
          } catch (error) {
            settle(() => reject(error));
          }
        };
        const timer = setTimeout(() => settle(() => reject(new WaitTimeoutError(describe()))), timeoutMs);
        waits.add(look);
        look();
      }),
  };
}
