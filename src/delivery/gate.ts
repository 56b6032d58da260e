import type { Takes } from '../queue/take-batch.ts';
import type { Pace } from './pace.ts';
import type { Pacing } from './pacing.ts';
import { type OnTurn, type Ticket, type Wait, type Waiter, WaitingEvents } from './waiting-events.ts';

/**
 * Decides when the events of one endpoint may be sent from this process: each needs a free slot, the pace's leave unless
 * that is open, then its turn within the rates. It counts the events of open batches that wait here; the next batch is
 * taken only while they are few.
 */
export class Gate {
  readonly #slots: number;
  readonly #pacings: readonly Pacing[];
  readonly #pace: Pace;
  #inFlight = 0;
  /** Requests in flight, at most, for now: fewer than there are slots after a shortage, or a wait for a token. */
  #ceiling: number;
  /** Each in the order of their coming; the two take turns. */
  #fresh: Wait[] = [];
  #retries: Wait[] = [];
  #tookRetry = false;
  readonly #waiting: WaitingEvents;
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
  constructor(slots: number, pacings: readonly Pacing[], pace: Pace) {
    this.#pace = pace;
    this.#waiting = new WaitingEvents(slots);
    this.#slots = slots;
    this.#ceiling = slots;
    this.#pacings = pacings;
  }

  /** Events of open batches that were not sent yet. */
  get waiting(): number {
    return this.#waiting.total;
  }

  /** A batch of this number of events was opened. */
  add(events: number, isRetry: boolean): void {
    this.#waiting.add(events, isRetry);
  }

  /** This number of events waits no longer. */
  skip(events: number, isRetry: boolean): void {
    this.#waiting.add(-events, isRetry);
    this.#offerRoom();
  }

  #offerRoom(): void {
    if (this.#hasRoom()) this.#onRoom();
  }

  /** Waits until the event may be sent. On the path of every event: a promise for each would cost several per cent. */
  acquire(waiter: Waiter, onTurn: OnTurn): void {
    if (!this.#mayGo(waiter)) this.#refuse({ waiter, onTurn });
    else if (this.#pace.isOpen && this.#inFlight < this.#ceiling)
      this.#grant({ waiter, onTurn }, this.#pace.ticket);
    else {
      (waiter.isRetry ? this.#retries : this.#fresh).push({ waiter, onTurn });
      if (!this.#pace.isOpen) this.#pump();
    }
  }

  /** The attempt of an event is over, and its slot is free. */
  release(ticket: Ticket): void {
    this.#inFlight -= 1;
    if (this.#ceiling < this.#slots) this.#ceiling = Math.min(this.#slots, this.#ceiling + 1 / this.#ceiling);
    if (ticket.isProbe) this.#pace.endProbe();
    this.#pump();
  }

  /** Looks anew, since the pace lets other events go than before. */
  look(): void {
    this.dismiss();
    this.#pump();
    this.#offerRoom();
  }

  /** Sends what may go. */
  #pump(): void {
    const pace = this.#pace;
    while (this.#inFlight < this.#ceiling && this.#fresh.length + this.#retries.length > 0) {
      const next = pace.next(this.#fresh[0]?.waiter, this.#retries[0]?.waiter, this.#inFlight);
      const wait = next && (next.isRetry ? this.#retries : this.#fresh).shift();
      if (next === undefined || wait === undefined) {
        const room = Math.ceil(this.#ceiling - this.#inFlight);
        pace.ask(Math.min(room, this.#fresh.length), Math.min(room, this.#retries.length));
        return;
      }
      this.#grant(wait, next.ticket);
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
      this.#offerRoom();
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
  turn(isWanted: () => boolean = () => true): Promise<boolean> {
    const mayGo = (): boolean => this.#state === 'open' && !this.isHolding && isWanted();
    if (this.#pacings.length < 2) return this.#takeTurns(mayGo);
    this.#lastTurn = this.#lastTurn.then(() => this.#takeTurns(mayGo));
    return this.#lastTurn;
  }

  async #takeTurns(mayGo: () => boolean): Promise<boolean> {
    for (const pacing of this.#pacings) if (!mayGo() || !(await pacing.turn(this, mayGo))) return false;
    return mayGo();
  }

  #mayGo(waiter: Waiter): boolean {
    if (this.#state !== 'open' || this.#hold !== undefined || !waiter.isWanted()) return false;
    return this.#pace.isOpen || this.#pace.admits(waiter);
  }

  /** Whether a finished batch of this number of events brings in the next; slots go on being filled meanwhile. */
  fits(events: number): boolean {
    if (this.#state === 'closed' || this.#hold !== undefined || !this.#pace.isOpen) return false;
    return this.#waiting.total < 2 * this.#slots + events;
  }

  /**
   * What is to be taken now; undefined: anything.
   *
   * @param onRoom called if there is room again for a kind of which too many wait now
   */
  takes(onRoom: () => void): Takes | undefined {
    this.#tookRetry = !this.#tookRetry;
    const takes = this.#takes();
    if (takes === undefined) return undefined;
    this.#waiting.onRoomAgain(onRoom);
    return { ...takes, retriesFirst: this.#tookRetry };
  }

  /** Neither kind is to keep the other from being taken. */
  #takes(): Omit<Takes, 'retriesFirst'> | undefined {
    const takes = this.#pace.takes();
    if (takes === undefined) return undefined;
    const retries = takes.retries && !this.#waiting.areEnough(true);
    return { retries, freshUntil: this.#waiting.areEnough(false) ? 0 : takes.freshUntil };
  }

  /** Resolves when few enough events wait for another batch to be opened, or when the gate was closed. */
  room(): Promise<void> {
    if (this.#state === 'closed' || this.#hasRoom()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onRoom = resolve;
    });
  }

  #hasRoom(): boolean {
    if (this.#hold !== undefined) return false;
    if (this.#pace.isOpen) return this.#waiting.total < this.#slots;
    const takes = this.#takes();
    return takes === undefined ? this.#waiting.total < this.#slots : takes.retries || takes.freshUntil > 0;
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
    const all = [...this.#retries, ...this.#fresh];
    const refused = new Set(all.filter(({ waiter }) => !this.#mayGo(waiter)));
    if (refused.size > 0) {
      this.#retries = this.#retries.filter((wait) => !refused.has(wait));
      this.#fresh = this.#fresh.filter((wait) => !refused.has(wait));
    }
    for (const wait of refused) this.#refuse(wait);
    for (const pacing of this.#pacings) pacing.dismiss();
  }

  #grant(wait: Wait, ticket: Ticket): void {
    this.#inFlight += 1;
    if (this.#pacings.length > 0) void this.#grantInTurn(wait, ticket);
    else {
      this.skip(1, wait.waiter.isRetry);
      wait.onTurn(ticket);
    }
  }

  async #grantInTurn({ waiter, onTurn }: Wait, ticket: Ticket): Promise<void> {
    const pace = this.#pace;
    // A probe, or an event that was given leave under this verdict, waits for its turn alone.
    const isWanted = (): boolean =>
      waiter.isWanted() && (pace.isOpen || pace.ticket.epoch === ticket.epoch || pace.admits(waiter));
    const granted = await this.turn(isWanted);
    this.skip(1, waiter.isRetry);
    if (!granted) this.release(ticket);
    onTurn(granted ? ticket : undefined);
  }

  #refuse({ waiter, onTurn }: Wait): void {
    this.skip(1, waiter.isRetry);
    onTurn(undefined);
  }
}
