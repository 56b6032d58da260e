/** How long requests wait for a new token to be accepted. */
const TRIAL_MS = 3_000;
/** How often another request tries it. */
const TRY_EVERY_MS = 500;

/** What a trial needs; times in milliseconds. */
export interface TrialOptions {
  /** On the caller's monotonic clock. */
  readonly startedAt: number;
  /** Resolves after that time. */
  readonly sleep: (ms: number) => Promise<unknown>;
}

/**
 * A new token that no endpoint has accepted yet. Some gateways learn it after a second or two. One request tries it
 * each 500 ms; the others wait, for at most 3 s.
 */
export class TokenTrial {
  readonly #endsAt: number;
  readonly #sleep: TrialOptions['sleep'];
  #nextTryAt: number;
  #nextTurn: Promise<unknown> | undefined;
  #wake = (): void => {};

  constructor({ startedAt, sleep }: TrialOptions) {
    this.#endsAt = startedAt + TRIAL_MS;
    this.#nextTryAt = startedAt;
    this.#sleep = sleep;
  }

  /** Whether any request may use the token by now, though none was accepted. */
  isOver(now: number): boolean {
    return now >= this.#endsAt;
  }

  /** Whether the caller is the one to try the token now; the next turn comes 500 ms later. */
  takeTurn(now: number): boolean {
    if (now < this.#nextTryAt) return false;
    this.#nextTryAt = now + TRY_EVERY_MS;
    return true;
  }

  /** Resolves when the next turn may be due, or the trial is over. All waiting requests share one timer. */
  nextTurn(now: number): Promise<unknown> {
    if (this.#nextTurn === undefined) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const dueInMs = Math.max(1, Math.min(this.#nextTryAt, this.#endsAt) - now);
      this.#nextTurn = Promise.race([woken, this.#sleep(dueInMs)]).finally(() => {
        this.#nextTurn = undefined;
      });
    }
    return this.#nextTurn;
  }

  /** The next request tries at once: the refused event may be one that is refused with any token. */
  tryNow(now: number): void {
    this.#nextTryAt = now;
    this.#wake();
  }

  /** The token was accepted, or another one has taken its place. */
  end(): void {
    this.#wake();
  }
}
