/** Reserves the next `count` sends over all processes; resolves to ms until the first of them. */
export type ReserveSends = (ratePerSecond: number, count: number) => Promise<number>;

/** What pacing is made from. */
export interface PacingOptions {
  readonly ratePerSecond: number;
  readonly reserve: ReserveSends;
  monotonicNow(): number;
  onError(error: Error): void;
}

const RETRY_RESERVE_MS = 1_000;

/**
 * Spreads sends evenly, so that a rate limit holds and never bursts: they are reserved in Redis, at most one second's
 * worth at a time, and paced within that.
 */
export class Pacing {
  readonly #options: PacingOptions;
  readonly #waiters: { readonly isWanted: () => boolean; readonly resolve: (due: boolean) => void }[] = [];
  #pumping = false;
  #wake = (): void => {};

  constructor(options: PacingOptions) {
    this.#options = options;
  }

  /** Resolves when the next send is due; false if `dismiss` found the turn wanted no longer. */
  turn(isWanted: () => boolean): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiters.push({ isWanted, resolve });
      if (!this.#pumping) void this.#pump();
    });
  }

  /** Ends the waits for turns that are wanted no longer. */
  dismiss(): void {
    const all = this.#waiters.splice(0);
    for (const waiter of all) {
      if (waiter.isWanted()) this.#waiters.push(waiter);
      else waiter.resolve(false);
    }
    if (this.#waiters.length === 0) this.#wake();
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    while (this.#waiters.length > 0) {
      try {
        await this.#grantSome();
      } catch (error) {
        this.#options.onError(error as Error);
        await this.#waitUntil(this.#options.monotonicNow() + RETRY_RESERVE_MS);
      }
    }
    this.#pumping = false;
  }

  /** Reserves turns and gives them out, each when it is due. @throws errors of `reserve` */
  async #grantSome(): Promise<void> {
    const { ratePerSecond, reserve, monotonicNow } = this.#options;
    const count = Math.min(this.#waiters.length, Math.max(1, Math.floor(ratePerSecond)));
    const asked = monotonicNow();
    const firstInMs = await reserve(ratePerSecond, count);
    for (let i = 0; i < count && this.#waiters.length > 0; i += 1) {
      await this.#waitUntil(asked + firstInMs + (i * 1_000) / ratePerSecond);
      this.#waiters.shift()?.resolve(true);
    }
  }

  /** Waits until then, by the monotonic clock, or until nobody waits for a turn any more. */
  async #waitUntil(due: number): Promise<void> {
    for (;;) {
      const ms = due - this.#options.monotonicNow();
      if (ms < 1 || this.#waiters.length === 0) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
