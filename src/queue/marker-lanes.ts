import { type LaneParts, type Marker, MarkerLane, NO_WORK } from './marker-lane.ts';

/**
 * Connections that wait. As many queues have one to themselves, and are waited for as BullMQ does it; beyond that they
 * share: a call over the 125 queues that a lane has of a thousand costs Redis 0.2 ms, and comes for one event at the most.
 */
const LANES = 8;

/** Waits for the markers of any number of queues, over a few connections. */
export interface MarkerLanes {
  /** The marker of a queue, which is taken away by that; undefined: none for so long, or `wake`. */
  wait(key: string, ms: number): Promise<Marker | undefined>;
  /** Ends the wait for a queue's marker, if there is one: with that marker, or with none, as if its time were over. */
  wake(key: string, marker?: Marker): void;
  close(): void;
}

/** Makes the lanes; each connects when the first queue comes that it is for. */
export function createMarkerLanes(parts: LaneParts): MarkerLanes {
  const lanes: MarkerLane[] = [];
  const laneByKey = new Map<string, MarkerLane>();
  let closed = false;

  function laneOf(key: string): MarkerLane {
    const known = laneByKey.get(key);
    if (known !== undefined) return known;
    const number = laneByKey.size % LANES;
    const lane = lanes[number] ?? new MarkerLane(parts);
    lanes[number] = lane;
    laneByKey.set(key, lane);
    return lane;
  }

  return {
    wait: (key, ms) => (closed ? Promise.resolve(NO_WORK) : laneOf(key).wait(key, ms)),
    wake: (key, marker) => laneByKey.get(key)?.wake(key, marker),
    close() {
      closed = true;
      for (const lane of lanes) lane.close();
    },
  };
}
