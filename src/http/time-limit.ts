/**
 * One time limit for many: what is still in it `ms` milliseconds after it was added expires. All wait
 * equally long, so the oldest is always the next one due and one timer serves all; a timer for each costs
 * a request several per cent.
 */
export class TimeLimit<T> {
  readonly #ms: number;
  readonly #expire: (item: T) => void;
  /** When each is due, on the monotonic clock; the oldest first. */
  readonly #due = new Map<T, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, expire: (item: T) => void) {
    this.#ms = ms;
    this.#expire = expire;
  }

  add(item: T): void {
    this.#due.set(item, performance.now() + this.#ms);
    // A timer that runs already was set for an older one; when it fires, it is set anew for the oldest.
    this.#timer ??= this.#arm(this.#ms);
  }

  delete(item: T): void {
    this.#due.delete(item);
  }

  /** Does not keep the process alive: the sockets that it limits do. */
  #arm(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#fire(), ms).unref();
  }

  #fire(): void {
    const now = performance.now();
    this.#timer = undefined;
    const expired: T[] = [];
    for (const [item, due] of this.#due) {
      if (due > now) {
        this.#timer = this.#arm(Math.ceil(due - now));
        break;
      }
      expired.push(item);
    }
    for (const item of expired) {
      this.#due.delete(item);
      this.#expire(item);
    }
  }
}
