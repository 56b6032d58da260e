import type { Lane } from './lane.ts';
import type { Lanes } from './lanes.ts';
import type { OnTurn } from './waiting-list.ts';

/** Holds the requests in flight of one client in this process to a number. */
export interface Permits {
  /** Calls back with a permit as soon as there is one for this endpoint, at once where it is; with false once closed. */
  take(lane: Lane, onTurn: OnTurn): void;
  give(lane: Lane): void;
  /** Gives free permits to those that wait: more of them may have one than before. */
  offer(): void;
  /** Whoever waits gets none. */
  dismiss(): void;
  /** Ends all waiting: whoever waits, or asks from now on, gets none. */
  close(): void;
  readonly inUse: number;
}

/**
 * A counting semaphore. A permit goes to the endpoint that has the fewest, there to whoever waits longest; what each
 * may have at the most is for the lanes to say.
 */
export function createPermits(count: number, lanes: Lanes): Permits {
  let free = count;
  let closed = false;

  function grant(lane: Lane, onTurn: OnTurn): void {
    free -= 1;
    lane.held += 1;
    onTurn(true);
  }

  function offer(): void {
    while (free > 0) {
      const lane = lanes.next();
      const next = lane?.waiting.shift();
      if (lane === undefined || next === undefined) return;
      grant(lane, next);
    }
  }

  return {
    get inUse() {
      return count - free;
    },
    take(lane, onTurn) {
      if (closed) onTurn(false);
      // Where others wait beside a free permit, they may not have it.
      else if (free > 0 && lane.waiting.isEmpty && lanes.mayHold(lane)) grant(lane, onTurn);
      else lane.waiting.push(onTurn);
    },
    give(lane) {
      lane.held -= 1;
      free += 1;
      offer();
    },
    offer,
    dismiss: lanes.dismiss,
    close() {
      closed = true;
      lanes.dismiss();
    },
  };
}
