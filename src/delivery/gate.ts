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
  #inFlight = 0;
  /** Requests in flight, at most, for now: fewer than there are slots after a shortage of this machine. */
  #ceiling: number;
  /** Waits for a slot, in the order of their coming. */
  #queue: { readonly isWanted: IsWanted; readonly onTurn: OnTurn }[] = [];
  #waiting = 0;
  #state: 'open' | 'paused' | 'closed' = 'open';
  #onRoom = (): void => {};
  /** While it runs, nothing is sent; until then on the monotonic clock. */
  #hold: NodeJS.Timeout | undefined;
  #holdEnds = 0;
  /** The turn that was asked for last; never rejects. */
  #lastTurn: Promise<boolean> = Promise.resolve(true);

  /**
   * @param slots requests in flight, at most
   * @param pacings the endpoint's rate limit, then the client's, those of them that there are
   */
  constructor(slots: number, pacings: readonly Pacing[]) {
    this.#slots = slots;
    this.#ceiling = slots;
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
    if (this.#hasRoom()) this.#onRoom();
  }

  /** Waits until the event may be sent. On the path of every event: a promise for each would cost several per cent. */
  acquire(isWanted: IsWanted, onTurn: OnTurn): void {
    if (!this.#mayGo(isWanted)) this.#refuse(onTurn);
    else if (this.#inFlight < this.#ceiling) this.#grant(isWanted, onTurn);
    else this.#queue.push({ isWanted, onTurn });
  }

  /** The attempt of an event is over, and its slot is free. */
  release(): void {
    this.#inFlight -= 1;
    if (this.#ceiling < this.#slots) this.#ceiling = Math.min(this.#slots, this.#ceiling + 1 / this.#ceiling);
    while (this.#inFlight < this.#ceiling) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#grant(next.isWanted, next.onTurn);
    }
  }

  /** Whether nothing may be sent for a while. */
  get isHolding(): boolean {
    return this.#hold !== undefined;
  }

  /** Sends nothing for `ms` milliseconds; waiting events are refused. A hold that ends later stands. */
  hold(ms: number): void {
    const ends = performance.now() + ms;
    if (this.#state === 'closed' || (this.#hold !== undefined && ends <= this.#holdEnds)) return;
    clearTimeout(this.#hold);
    this.#holdEnds = ends;
    this.#hold = setTimeout(() => {
      this.#hold = undefined;
      if (this.#hasRoom()) this.#onRoom();
    }, ms);
    this.dismiss();
  }

  /** Lets no more requests go at once, to begin with; each one that ends raises that, by about one a round. */
  narrow(requests = Math.max(1, Math.floor(this.#inFlight / 2))): void {
    this.#ceiling = Math.min(this.#slots, requests);
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
    return this.#state === 'open' && this.#hold === undefined && isWanted();
  }

  /** Whether a finished batch of this number of events brings in the next; slots go on being filled meanwhile. */
  fits(events: number): boolean {
    return this.#state !== 'closed' && this.#hold === undefined && this.#waiting < 2 * this.#slots + events;
  }

  /** Resolves when few enough events wait for another batch to be opened, or when the gate was closed. */
  room(): Promise<void> {
    if (this.#state === 'closed' || this.#hasRoom()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onRoom = resolve;
    });
  }

  #hasRoom(): boolean {
    return this.#hold === undefined && this.#waiting < this.#slots;
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
    clearTimeout(this.#hold);
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
    this.#inFlight += 1;
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
