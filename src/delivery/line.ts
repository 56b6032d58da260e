import type { Lane } from './lane.ts';
import type { Lanes } from './lanes.ts';
import type { Pacing } from './pacing.ts';
import type { Permits } from './permits.ts';
import type { OnTurn } from './waiting-list.ts';

/**
 * The line of a client's events in this process: those of open batches that have not been sent yet. The next
 * batch is opened only while fewer than `room` events stand in it, or takes the place of one that is through. Those
 * of an endpoint that ails stand beside it, and keep no batch from being opened.
 */
export interface Line {
  /** The endpoints that the line is for. */
  readonly lanes: Lanes;
  /** An event of a batch that was just opened stands in line. */
  join(lane: Lane): void;
  /** An event leaves the line without being sent. */
  leave(lane: Lane): void;
  /**
   * Waits for a permit, then for the event's turn within the rate, and takes the event out of the line. Calls back
   * with false where it may not be sent: the line is paused or closed.
   */
  enter(lane: Lane, onTurn: OnTurn): void;
  /** The event's attempt is over. */
  exit(lane: Lane): void;
  /** Whether a batch can be opened in the place of one of so many events that is through. */
  fits(count: number): boolean;
  /** Resolves when there is room for another batch, or the line was closed. */
  room(): Promise<void>;
  /** Judges the endpoints. @returns those that began to ail, or recovered */
  look(): readonly Lane[];
  /** Nobody enters until `resume`, and whoever waits to does not. */
  pause(): void;
  resume(): void;
  /** From now on nobody enters. */
  close(): void;
  readonly length: number;
}

/** What a line is made from. */
export interface LineParts {
  readonly lanes: Lanes;
  readonly permits: Permits;
  /** Absent: the client has no rate limit. */
  readonly pacing?: Pacing | undefined;
  /** How many may stand in line before no further batch is opened. */
  readonly room: number;
}

/** Builds the line of a client. */
export function createLine({ lanes, permits, pacing, room }: LineParts): Line {
  let length = 0;
  let closed = false;
  let paused = false;
  let onRoom: (() => void) | undefined;

  function tellOfRoom(): void {
    if (length >= room) return;
    onRoom?.();
    onRoom = undefined;
  }

  function leave(lane: Lane): void {
    lane.standing -= 1;
    if (lane.isAiling) return;
    length -= 1;
    tellOfRoom();
  }

  function leaveWithout(lane: Lane, onTurn: OnTurn): void {
    leave(lane);
    onTurn(false);
  }

  function go(lane: Lane, onTurn: OnTurn): void {
    lane.inFlight += 1;
    leave(lane);
    onTurn(true);
  }

  async function waitForTurn(pacing: Pacing, lane: Lane, onTurn: OnTurn): Promise<void> {
    if ((await pacing.turn()) && !paused) {
      go(lane, onTurn);
      // Its next event may wait for the rate now.
      if (lane.isAiling) permits.offer();
      return;
    }
    permits.give(lane);
    leaveWithout(lane, onTurn);
  }

  return {
    lanes,
    get length() {
      return length;
    },
    join(lane) {
      lane.standing += 1;
      if (!lane.isAiling) length += 1;
    },
    leave,
    enter(lane, onTurn) {
      if (paused) return leaveWithout(lane, onTurn);
      permits.take(lane, (permitted) => {
        if (!permitted) leaveWithout(lane, onTurn);
        else if (pacing === undefined) go(lane, onTurn);
        else void waitForTurn(pacing, lane, onTurn);
      });
    },
    exit(lane) {
      lane.inFlight -= 1;
      permits.give(lane);
    },
    fits: (count) => !closed && length < room + count,
    room() {
      if (closed || length < room) return Promise.resolve();
      return new Promise((resolve) => {
        onRoom = resolve;
      });
    },
    look() {
      const changed = lanes.look();
      for (const lane of changed) length += lane.isAiling ? -lane.standing : lane.standing;
      if (changed.length > 0) {
        permits.offer();
        tellOfRoom();
      }
      return changed;
    },
    pause() {
      paused = true;
      permits.dismiss();
      pacing?.dismiss();
    },
    resume() {
      paused = false;
    },
    close() {
      closed = true;
      permits.close();
      pacing?.close();
      onRoom?.();
      onRoom = undefined;
    },
  };
}
