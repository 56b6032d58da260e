/** Who waits at the gate: the events of one batch. */
export interface Waiter {
  /** They have failed before. */
  readonly isRetry: boolean;
  /** Since when they may be held: the acceptance or the replay of the first, ms since the epoch. */
  readonly heldSince: number;
  /** Whether they are still to be sent. */
  isWanted(): boolean;
}

/** What a request goes with. */
export interface Ticket {
  readonly epoch: number;
  /** It finds out how the endpoint is. */
  readonly isProbe: boolean;
}

/** Called once: with a ticket if the event may be sent, then `release` follows; without one if it may not. */
export type OnTurn = (ticket: Ticket | undefined) => void;

/** An event that waits for a slot, or for the pace. */
export interface Wait {
  readonly waiter: Waiter;
  readonly onTurn: OnTurn;
}

/** Counts the events of open batches that were not sent yet, by kind, so that neither keeps the other from being taken. */
export class WaitingEvents {
  total = 0;
  #retries = 0;
  readonly #most: number;
  /** Kinds of which too many waited when a batch was taken, and what is called once that is over. */
  #lacks = { fresh: false, retries: false };
  #onRoom = (): void => {};

  /** @param most how many of a kind are enough */
  constructor(most: number) {
    this.#most = most;
  }

  /** @param events less than 0: they wait no longer */
  add(events: number, areRetries: boolean): void {
    this.total += events;
    if (areRetries) this.#retries += events;
    const { fresh, retries } = this.#lacks;
    if ((fresh && !this.areEnough(false)) || (retries && !this.areEnough(true))) {
      this.#lacks = { fresh: false, retries: false };
      this.#onRoom();
    }
  }

  areEnough(ofRetries: boolean): boolean {
    return (ofRetries ? this.#retries : this.total - this.#retries) >= this.#most;
  }

  /** Calls back once, if there is room again for a kind of which there is none now. */
  onRoomAgain(onRoom: () => void): void {
    this.#lacks = { fresh: this.areEnough(false), retries: this.areEnough(true) };
    this.#onRoom = onRoom;
  }
}
