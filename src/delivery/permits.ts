/** Holds the requests in flight of one client in this process to a number. */
export interface Permits {
  /** Calls back with a permit as soon as one is free, at once where it is; with false once closed. */
  take(onTurn: (granted: boolean) => void): void;
  give(): void;
  /** Whoever waits gets none. */
  dismiss(): void;
  /** Ends all waiting: whoever waits, or asks from now on, gets none. */
  close(): void;
  readonly inUse: number;
}

/** A counting semaphore; permits go to waiters in the order of their coming. */
export function createPermits(count: number): Permits {
  let free = count;
  let closed = false;
  const waiting: ((granted: boolean) => void)[] = [];
  let first = 0;

  function dismiss(): void {
    const dismissed = waiting.splice(0).slice(first);
    first = 0;
    for (const resolve of dismissed) resolve(false);
  }

  return {
    get inUse() {
      return count - free;
    },
    take(onTurn) {
      if (closed) return onTurn(false);
      if (free > 0) {
        free -= 1;
        return onTurn(true);
      }
      waiting.push(onTurn);
    },
    give() {
      const next = waiting[first];
      if (next === undefined) {
        free += 1;
        return;
      }
      first += 1;
      if (first === waiting.length) {
        waiting.length = 0;
        first = 0;
      } else if (first > 1_000) {
        waiting.splice(0, first);
        first = 0;
      }
      next(true);
    },
    dismiss,
    close() {
      closed = true;
      dismiss();
    },
  };
}
