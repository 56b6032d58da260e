/** Reserves the next `count` sends over all processes; resolves to ms until the first of them. */
export type ReserveSends = (ratePerSecond: number, count: number) => Promise<number>;

/** What pacing is made from. */
export interface PacingOptions {
  readonly ratePerSecond: number;
  readonly reserve: ReserveSends;
  monotonicNow(): number;
  onError(error: Error): void;
}

interface Wait {
  readonly isWanted: () => boolean;
  readonly resolve: (due: boolean) => void;
}

const RETRY_RESERVE_MS = 1_000;

/**
 * Spreads sends evenly, so that a rate limit holds and never bursts: they are reserved in Redis, at most one second's
 * worth at a time, and paced within that. Owners get their turns by rotation: the one with the most waits takes none from
 * the others.
 */
export class Pacing {
  readonly #options: PacingOptions;
  /** The waits of each owner that has any; the owner who is first has the next turn. */
  readonly #waits = new Map<object, Wait[]>();
  #waiting = 0;
  #pumping = false;
  #wake = (): void => {};

  constructor(options: PacingOptions) {
    this.#options = options;
  }

  /** Resolves when the owner's next send is due; false if `dismiss` found the turn wanted no longer. */
  turn(owner: object, isWanted: () => boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const waits = this.#waits.get(owner) ?? [];
      this.#waits.set(owner, waits);
      waits.push({ isWanted, resolve });
      this.#waiting += 1;
      if (!this.#pumping) void this.#pump();
    });
  }

  /** Ends the waits for turns that are wanted no longer. */
  dismiss(): void {
    for (const [owner, waits] of this.#waits) {
      const wanted = waits.filter(({ isWanted }) => isWanted());
      if (wanted.length > 0) this.#waits.set(owner, wanted);
      else this.#waits.delete(owner);
      this.#waiting -= waits.length - wanted.length;
      for (const { isWanted, resolve } of waits) if (!isWanted()) resolve(false);
    }
    if (this.#waiting === 0) this.#wake();
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    while (this.#waiting > 0) {
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
    const count = Math.min(this.#waiting, Math.max(1, Math.floor(ratePerSecond)));
    const asked = monotonicNow();
    const firstInMs = await reserve(ratePerSecond, count);
    for (let i = 0; i < count && this.#waiting > 0; i += 1) {
      await this.#waitUntil(asked + firstInMs + (i * 1_000) / ratePerSecond);
      this.#grantNext();
    }
  }

  #grantNext(): void {
    for (const [owner, waits] of this.#waits) {
      this.#waits.delete(owner);
      this.#waiting -= 1;
      waits.shift()?.resolve(true);
      if (waits.length > 0) this.#waits.set(owner, waits);
      return;
    }
  }

  /** Waits until then, by the monotonic clock, or until no turn is waited for. */
  async #waitUntil(due: number): Promise<void> {
    for (;;) {
      const ms = due - this.#options.monotonicNow();
      if (ms < 1 || this.#waiting === 0) return;
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
