/** How long requests wait for a fresh token to be accepted. */
const TRIAL_MS = 3_000;
/** How often another request tries it. */
const TRY_EVERY_MS = 500;

/** What a trial needs; times in milliseconds. */
export interface TrialOptions {
  /** On the caller's monotonic clock. */
  readonly startedAt: number;
  /** Resolves after so many milliseconds. */
  readonly sleep: (ms: number) => Promise<unknown>;
}

/**
 * A fresh token until an endpoint has accepted it. Some gateways know a new token only after a second or two: one
 * request tries it at once and then one each 500 ms, while the others wait, for at most 3 s.
 */
export class TokenTrial {
  readonly #endsAt: number;
  readonly #sleep: TrialOptions['sleep'];
  #nextTryAt: number;
  #isOver = false;
  #mayHurry = true;
  #change: Promise<unknown> | undefined;
  #announce = (): void => {};

  constructor({ startedAt, sleep }: TrialOptions) {
    this.#endsAt = startedAt + TRIAL_MS;
    this.#nextTryAt = startedAt;
    this.#sleep = sleep;
  }

  /** Whether any request may use the token by now. */
  isOver(now: number): boolean {
    return this.#isOver || now >= this.#endsAt;
  }

  /** Whether the caller is the one to try the token now; the next turn comes 500 ms later. */
  takeTurn(now: number): boolean {
    if (now < this.#nextTryAt) return false;
    this.#nextTryAt = now + TRY_EVERY_MS;
    return true;
  }

  /** Resolves when the next turn may be due, or the trial is over; all that wait share one timer. */
  change(now: number): Promise<unknown> {
    if (this.#change === undefined) {
      const announced = new Promise<void>((resolve) => {
        this.#announce = resolve;
      });
      const dueInMs = Math.max(1, Math.min(this.#nextTryAt, this.#endsAt) - now);
      this.#change = Promise.race([announced, this.#sleep(dueInMs)]).finally(() => {
        this.#change = undefined;
      });
    }
    return this.#change;
  }

  /**
   * The first refusal says little: the event that asked for the token may be one that its endpoint refuses with
   * any. The next request tries at once.
   */
  hurry(now: number): void {
    if (!this.#mayHurry) return;
    this.#mayHurry = false;
    this.#nextTryAt = now;
    this.#announce();
  }

  /** The token was accepted, or another one has taken its place. */
  end(): void {
    this.#isOver = true;
    this.#announce();
  }
}
