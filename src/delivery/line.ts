import type { Pacing } from './pacing.ts';
import type { Permits } from './permits.ts';

/**
 * The line of a client's events in this process: those of open batches that have not been sent yet. The next
 * batch is opened only while fewer than `room` events stand in it, or takes the place of one that is through.
 */
export interface Line {
  /** So many events of a batch that was just opened stand in line. */
  join(count: number): void;
  /** An event leaves the line without being sent. */
  leave(): void;
  /**
   * Waits for a permit, then for the event's turn within the rate, and takes the event out of the line. Calls back
   * with false where it may not be sent: the line is paused or closed.
   */
  enter(onTurn: (granted: boolean) => void): void;
  /** The event's attempt is over. */
  exit(): void;
  /** Whether a batch can be opened in the place of one of so many events that is through. */
  fits(count: number): boolean;
  /** Resolves when there is room for another batch, or the line was closed. */
  room(): Promise<void>;
  /** Nobody enters until `resume`, and whoever waits to does not. */
  pause(): void;
  resume(): void;
  /** From now on nobody enters. */
  close(): void;
  readonly length: number;
}

/** Builds the line of a client. `room`: how many may stand in it before no further batch is opened. */
export function createLine(permits: Permits, pacing: Pacing | undefined, room: number): Line {
  let length = 0;
  let closed = false;
  let paused = false;
  let onRoom: (() => void) | undefined;

  function shorten(): void {
    length -= 1;
    if (length < room) {
      onRoom?.();
      onRoom = undefined;
    }
  }

  function leaveWithout(onTurn: (granted: boolean) => void): void {
    shorten();
    onTurn(false);
  }

  async function waitForTurn(pacing: Pacing, onTurn: (granted: boolean) => void): Promise<void> {
    const granted = (await pacing.turn()) && !paused;
    if (!granted) permits.give();
    shorten();
    onTurn(granted);
  }

  return {
    get length() {
      return length;
    },
    join(count) {
      length += count;
    },
    leave: shorten,
    enter(onTurn) {
      if (paused) return leaveWithout(onTurn);
      permits.take((permitted) => {
        if (!permitted) leaveWithout(onTurn);
        else if (pacing === undefined) {
          shorten();
          onTurn(true);
        } else void waitForTurn(pacing, onTurn);
      });
    },
    exit() {
      permits.give();
    },
    fits: (count) => !closed && length < room + count,
    room() {
      if (closed || length < room) return Promise.resolve();
      return new Promise((resolve) => {
        onRoom = resolve;
      });
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
