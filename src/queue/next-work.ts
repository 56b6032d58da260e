/** The longest timer: the clock may be set meanwhile, and the timers of Node end at 24 days. */
const LONGEST_TIMER_MS = 60_000;

/**
 * When a queue is to be asked for work again. Its one waiter calls `reset`, asks the queue, and if there was nothing,
 * calls `wait`: what was heard while the answer was on its way ends that wait at once.
 */
export class NextWork {
  /** ms since the epoch */
  readonly #now: () => number;
  #dueAt = Number.POSITIVE_INFINITY;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;
  #endWait: (() => void) | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  reset(): void {
    this.#dueAt = Number.POSITIVE_INFINITY;
  }

  /** Work is due at this time: ms since the epoch, 0: at once. */
  hear(dueAt: number): void {
    if (dueAt >= this.#dueAt) return;
    this.#dueAt = dueAt;
    if (this.#endWait !== undefined) this.#setTimer(this.#endWait);
  }

  /** Resolves once work is due, or after a minute if it is due later. Never rejects. */
  async wait(): Promise<void> {
    if (this.#isClosed || this.#dueAt <= this.#now()) return;
    await new Promise<void>((resolve) => {
      this.#endWait = resolve;
      this.#setTimer(resolve);
    });
    clearTimeout(this.#timer);
    this.#endWait = undefined;
  }

  /** Ends this wait and all that follow. */
  close(): void {
    this.#isClosed = true;
    this.#endWait?.();
  }

  #setTimer(endWait: () => void): void {
    clearTimeout(this.#timer);
    const ms = Math.ceil(this.#dueAt - this.#now());
    if (ms <= 0) endWait();
    else if (ms < Number.POSITIVE_INFINITY) this.#timer = setTimeout(endWait, Math.min(ms, LONGEST_TIMER_MS));
  }
}
