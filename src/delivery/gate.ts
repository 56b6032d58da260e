import type { Pacing } from './pacing.ts';

/** Called once: with true if the event may be sent, then `release` follows; with false if it may not. */
type OnTurn = (granted: boolean) => void;
/** Whether an event is still to be sent. */
type IsWanted = () => boolean;

/**
 * Decides when the events of one endpoint may be sent from this process: each needs a free slot, then its turn within
 * the rates. It counts the events of open batches that wait here; the next batch is taken only while they are few.
 */
export class Gate {
  readonly #slots: number;
  readonly #pacings: readonly Pacing[];
  #free: number;
  /** Waits for a slot, in the order of their coming. */
  #queue: { readonly isWanted: IsWanted; readonly onTurn: OnTurn }[] = [];
  #waiting = 0;
  #state: 'open' | 'paused' | 'closed' = 'open';
  #onRoom = (): void => {};
  /** The turn that was asked for last; never rejects. */
  #lastTurn: Promise<boolean> = Promise.resolve(true);

  /**
   * @param slots requests in flight, at most
   * @param pacings the endpoint's rate limit, then the client's, those of them that there are
   */
  constructor(slots: number, pacings: readonly Pacing[]) {
    this.#slots = slots;
    this.#free = slots;
    this.#pacings = pacings;
  }

  /** Events of open batches that were not sent yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /** A batch of this number of events was opened. */
  add(events: number): void {
    this.#waiting += events;
  }

  /** This number of events waits no longer. */
  skip(events: number): void {
    this.#waiting -= events;
    if (this.#waiting < this.#slots) this.#onRoom();
  }

  /** Waits until the event may be sent. On the path of every event: a promise for each would cost several per cent. */
  acquire(isWanted: IsWanted, onTurn: OnTurn): void {
    if (!this.#mayGo(isWanted)) this.#refuse(onTurn);
    else if (this.#free > 0) this.#grant(isWanted, onTurn);
    else this.#queue.push({ isWanted, onTurn });
  }

  /** The attempt of an event is over, and its slot is free. */
  release(): void {
    this.#free += 1;
    const next = this.#queue.shift();
    if (next !== undefined) this.#grant(next.isWanted, next.onTurn);
  }

  /**
   * Waits for a turn within the rates; false if the event may not be sent any more. With two of them one event goes
   * after the other: turns of the endpoint's own that waited for the client's together would be sent together.
   */
  turn(isWanted: IsWanted = () => true): Promise<boolean> {
    const mayGo = (): boolean => this.#mayGo(isWanted);
    if (this.#pacings.length < 2) return this.#takeTurns(mayGo);
    this.#lastTurn = this.#lastTurn.then(() => this.#takeTurns(mayGo));
    return this.#lastTurn;
  }

  async #takeTurns(mayGo: () => boolean): Promise<boolean> {
    for (const pacing of this.#pacings) if (!mayGo() || !(await pacing.turn(this, mayGo))) return false;
    return mayGo();
  }

  #mayGo(isWanted: IsWanted): boolean {
    return this.#state === 'open' && isWanted();
  }

  /** Whether a finished batch of this number of events brings in the next; slots go on being filled meanwhile. */
  fits(events: number): boolean {
    return this.#state !== 'closed' && this.#waiting < 2 * this.#slots + events;
  }

  /** Resolves when few enough events wait for another batch to be opened, or when the gate was closed. */
  room(): Promise<void> {
    if (this.#state === 'closed' || this.#waiting < this.#slots) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onRoom = resolve;
    });
  }

  /** No event may be sent until `resume`, not even waiting ones. */
  pause(): void {
    if (this.#state === 'open') this.#state = 'paused';
    this.dismiss();
  }

  resume(): void {
    if (this.#state === 'paused') this.#state = 'open';
  }

  /** From now on no event may be sent. */
  close(): void {
    this.#state = 'closed';
    this.dismiss();
    this.#onRoom();
  }

  /** Ends the waits of events that may not, or are not to be sent any more. */
  dismiss(): void {
    const all = this.#queue;
    this.#queue = all.filter(({ isWanted }) => this.#mayGo(isWanted));
    for (const { isWanted, onTurn } of all) if (!this.#mayGo(isWanted)) this.#refuse(onTurn);
    for (const pacing of this.#pacings) pacing.dismiss();
  }

  #grant(isWanted: IsWanted, onTurn: OnTurn): void {
    this.#free -= 1;
    if (this.#pacings.length > 0) void this.#grantInTurn(isWanted, onTurn);
    else {
      this.skip(1);
      onTurn(true);
    }
  }

  async #grantInTurn(isWanted: IsWanted, onTurn: OnTurn): Promise<void> {
    const granted = await this.turn(isWanted);
    this.skip(1);
    if (!granted) this.release();
    onTurn(granted);
  }

  #refuse(onTurn: OnTurn): void {
    this.skip(1);
    onTurn(false);
  }
}
