import { type Marker, MarkerWaits, NO_WORK, type WaitsParts } from './marker-waits.ts';

/**
 * Connections that wait. As many queues have one to themselves, and are waited for as BullMQ does it; beyond that they
 * share: a call over the 125 queues that one has of a thousand costs Redis 0.2 ms, and comes for one event at the most.
 */
const CONNECTIONS = 8;

/** Waits for the markers of any number of queues, over a few connections. */
export interface SharedWaits {
  /** The marker of a queue, which is taken away by that; undefined: none for so long, or `wake`. */
  wait(key: string, ms: number): Promise<Marker | undefined>;
  /** Ends the wait for a queue's marker, if there is one: with that marker, or with none, as if its time were over. */
  wake(key: string, marker?: Marker): void;
  close(): void;
}

/** Makes the connections; each is opened when the first queue comes that it is for. */
export function createSharedWaits(parts: WaitsParts): SharedWaits {
  const opened: MarkerWaits[] = [];
  const waitsByKey = new Map<string, MarkerWaits>();
  let closed = false;

  function waitsFor(key: string): MarkerWaits {
    const known = waitsByKey.get(key);
    if (known !== undefined) return known;
    const number = waitsByKey.size % CONNECTIONS;
    const waits = opened[number] ?? new MarkerWaits(parts);
    opened[number] = waits;
    waitsByKey.set(key, waits);
    return waits;
  }

  return {
    wait: (key, ms) => (closed ? Promise.resolve(NO_WORK) : waitsFor(key).wait(key, ms)),
    wake: (key, marker) => waitsByKey.get(key)?.wake(key, marker),
    close() {
      closed = true;
      for (const waits of opened) waits.close();
    },
  };
}
