/** A condition did not hold in time; the message says what there was instead. */
export class WaitTimeoutError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WaitTimeoutError';
  }
}

/** Lets many wait for conditions, which are checked after each change, without polling. */
export class ChangeSignal {
  readonly #waits = new Set<() => void>();
  #failure: Error | undefined;

  /** Says that something changed. */
  readonly changed = (): void => {
    if (this.#waits.size > 0) for (const check of [...this.#waits]) check();
  };

  /** Ends all present and future waits with this error. */
  readonly fail = (error: Error): void => {
    this.#failure ??= error;
    this.changed();
  };

  /**
   * Resolves as soon as the condition holds; rejects with a {@link WaitTimeoutError} made from `describe`
   * after `timeoutMs`, with the condition's own error if it throws, or with that of `fail`.
   */
  until(condition: () => boolean, timeoutMs: number, describe: () => string): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (act: () => void): void => {
        this.#waits.delete(check);
        clearTimeout(timer);
        act();
      };
      const check = (): void => {
        try {
          if (condition()) end(resolve);
          else if (this.#failure !== undefined) end(() => reject(this.#failure));
        } catch (error) {
          end(() => reject(error));
        }
      };
      const timer = setTimeout(() => end(() => reject(new WaitTimeoutError(describe()))), timeoutMs);
      this.#waits.add(check);
      check();
    });
  }
}
