import type { Classification } from '../core/outcome.ts';
import type { PaceGrant } from '../queue/pace-store.ts';
import type { Takes, Waits } from '../queue/take-batch.ts';
import { PaceExchange, type PaceParts } from './pace-exchange.ts';
import type { Ticket, Waiter } from './waiting-events.ts';

/** After an error of Redis, and if nothing else says when. */
const ASK_AGAIN_MS = 1_000;
/** How far it may be behind its reservation. */
const MOST_BEHIND_MS = 20;
/** The longest timer, since the clock may be set meanwhile. */
const LONGEST_TIMER_MS = 60_000;
/** Later than any batch was added. */
const ANY_TIME = Number.MAX_SAFE_INTEGER;

/** What goes next. */
export interface Going {
  readonly isRetry: boolean;
  readonly ticket: Ticket;
}

/**
 * This process's part in the pace of an endpoint: it follows the verdict, and says which events may go, and when. Times
 * are ms of Redis' clock.
 */
export class Pace {
  /** Whether events may go as they like: on the path of every event. */
  isOpen = true;
  /** What a request goes with that is no probe. */
  ticket: Ticket = { epoch: 0, isProbe: false };
  readonly exchange: PaceExchange;
  readonly #parts: PaceParts;
  readonly #holdMs: number;
  /** The verdict is not followed. */
  readonly #isFixed: boolean;
  /** The most requests in flight at which a retry is still sent while it is down. */
  readonly #quarter: number;
  #grant: Pick<PaceGrant, 'at' | 'everyMs'> = { at: 0, everyMs: 0 };
  #granted = 0;
  #probe: PaceGrant['probe'] = '';
  #askAt = 0;
  /** A retry went last: a fresh event goes next. */
  #sentRetry = false;
  #isStopped = false;
  #wakeAt = Number.POSITIVE_INFINITY;
  #wakeTimer: NodeJS.Timeout | undefined;

  constructor(parts: PaceParts) {
    const { pace, concurrency } = parts.endpoint;
    this.#parts = parts;
    this.#holdMs = pace.holdMs;
    this.#isFixed = pace.mode === 'fixed';
    this.#quarter = Math.max(1, Math.floor(concurrency / 4));
    this.exchange = new PaceExchange(parts, {
      onVerdict: (isNewEpoch) => this.#onVerdict(isNewEpoch),
      onGrant: (grant) => this.#onGrant(grant),
      onAnswer: (hasFailed) => this.#onAnswer(hasFailed),
    });
  }

  /** Learns what is known of the endpoint. Nothing is to be taken before. */
  start(): Promise<void> {
    return this.exchange.call();
  }

  stop(): void {
    this.#isStopped = true;
    this.exchange.stop();
    clearTimeout(this.#wakeTimer);
  }

  /** An attempt is over. If that is urgent news, nothing goes until the verdict. @param ms how long it took */
  note(isFirst: boolean, classification: Classification, ms: number, { epoch }: Ticket): void {
    this.exchange.note(isFirst, classification, ms, epoch);
    if (this.exchange.isPaused) this.isOpen = this.#isFixed;
  }

  /** What may be taken; undefined: anything, as the endpoint is open. */
  takes(): Omit<Takes, 'retriesFirst'> | undefined {
    const { state, holdUntil } = this.exchange.verdict;
    if (this.#isFixed || state === 'open') return undefined;
    const now = this.exchange.now;
    const overdueBefore = now - this.#holdMs;
    const freshUntil = this.exchange.sums.goodAt <= overdueBefore ? overdueBefore : 0;
    if (holdUntil > now) return { retries: freshUntil > 0, freshUntil };
    const isAny = state !== 'down' || this.#probe === 'fresh';
    return { retries: true, freshUntil: isAny ? ANY_TIME : freshUntil };
  }

  /** Nothing was taken, and this waits in the queue. */
  heardWaits({ freshSince }: Waits): void {
    const { state } = this.exchange.verdict;
    if (this.#isFixed || state === 'open') return;
    if (freshSince === 0 && this.#probe === 'fresh') this.endProbe();
    if (freshSince === 0) return;
    const { sums, now, isCalling } = this.exchange;
    // What was overdue already waits for room: it is not asked for all the time.
    const again = now + ASK_AGAIN_MS;
    this.#wake(Math.max(again, Math.max(freshSince, sums.goodAt) + this.#holdMs));
    if (state !== 'down') return;
    if (isCalling) this.#wake(again);
    else this.ask(1, 0);
  }

  /** Whether an event may wait at the gate; false: it is to be put back. Asked only if it is not open. */
  admits(waiter: Waiter): boolean {
    if (this.isOpen || this.exchange.isPaused) return true;
    const { state, holdUntil } = this.exchange.verdict;
    if (holdUntil <= this.exchange.now && (state !== 'down' || waiter.isRetry || this.#probe === 'fresh'))
      return true;
    return this.#isOverdue(waiter);
  }

  /** When what was put back is due again, if it has failed before; ms since the epoch. */
  get putBackUntil(): number {
    return this.#parts.now() + Math.max(0, this.exchange.verdict.holdUntil - this.exchange.now);
  }

  /**
   * Which event goes next, if one may go now. Retries and fresh events take turns.
   *
   * @param fresh the first of those that wait
   * @param retry the first of the retries that wait
   */
  next(fresh: Waiter | undefined, retry: Waiter | undefined, inFlight: number): Going | undefined {
    const { ticket } = this;
    if (this.isOpen) return this.#takeTurn(fresh, retry);
    if (this.#isOverdue(retry)) return { isRetry: true, ticket };
    if (this.#isOverdue(fresh)) return { isRetry: false, ticket };
    const { state, holdUntil, failing } = this.exchange.verdict;
    if (this.exchange.isPaused || state === 'open') return undefined;
    const probe = this.#nextProbe(fresh, retry);
    if (probe !== undefined) return probe;
    if (state === 'down') return this.#nextWhileDown(retry, inFlight);
    if (holdUntil > 0) return undefined;
    if (failing && retry !== undefined) return { isRetry: true, ticket };
    if (this.#granted === 0 || this.#grant.at > this.exchange.now) return undefined;
    this.#useGrant();
    return this.#takeTurn(fresh, retry);
  }

  /** Due retries go on, but for a `Retry-After`, and find out. */
  #nextWhileDown(retry: Waiter | undefined, inFlight: number): Going | undefined {
    if (retry === undefined || this.exchange.verdict.holdUntil > this.exchange.now) return undefined;
    return inFlight < this.#quarter ? { isRetry: true, ticket: this.ticket } : undefined;
  }

  #takeTurn(fresh: Waiter | undefined, retry: Waiter | undefined): Going {
    this.#sentRetry = retry !== undefined && (fresh === undefined || !this.#sentRetry);
    return { isRetry: this.#sentRetry, ticket: this.ticket };
  }

  /** Takes a reserved request. */
  #useGrant(): void {
    const { at, everyMs } = this.#grant;
    this.#granted -= 1;
    // A process that was busy does not send all at once what it has missed.
    this.#grant = { at: Math.max(at, this.exchange.now - MOST_BEHIND_MS) + everyMs, everyMs };
  }

  #nextProbe(fresh: Waiter | undefined, retry: Waiter | undefined): Going | undefined {
    // After a hold either kind may ask: what it was granted for may wait here no longer.
    const isRetry = retry !== undefined && this.#probe === 'retry';
    if (this.#probe === '' || (!isRetry && fresh === undefined)) return undefined;
    this.#probe = '';
    return { isRetry, ticket: { epoch: this.ticket.epoch, isProbe: true } };
  }

  /** Asks for a reservation if that may grant something to this number of events. */
  ask(fresh: number, retry: number): void {
    const { state, holdUntil, failing } = this.exchange.verdict;
    if (this.isOpen || this.exchange.isPaused || this.exchange.isCalling || this.#probe !== '') return;
    const again = this.#granted > 0 ? this.#grant.at : this.#askAt;
    if (fresh === 0 && (state === 'down' || (failing && holdUntil === 0))) return;
    const { name: by, endpoint } = this.#parts;
    if (again > this.exchange.now) this.#wake(again);
    else void this.exchange.call({ fresh, retry, by, timeoutMs: endpoint.timeoutMs });
  }

  /** The request that was to find out is over, or was never sent. */
  endProbe(): void {
    this.#probe = '';
    this.exchange.endProbe();
  }

  /** When the endpoint gave its latest good answer, to whatever process. */
  get goodAt(): number {
    return this.exchange.sums.goodAt;
  }

  /** Events have waited for so long for something else, a token: it begins slowly. @param ms how long */
  async recover(ms: number): Promise<void> {
    if (!this.#isFixed && !this.#isStopped) await this.exchange.recover(ms);
  }

  #onVerdict(isNewEpoch: boolean): void {
    const { epoch, holdUntil } = this.exchange.verdict;
    this.#askAt = 0;
    if (isNewEpoch) {
      this.#granted = 0;
      this.#probe = '';
      this.ticket = { epoch, isProbe: false };
    }
    if (holdUntil > this.exchange.now) this.#wake(holdUntil);
    this.#update(isNewEpoch);
  }

  #onGrant({ count, at, everyMs, probe, againAt }: PaceGrant): void {
    this.#askAt = againAt;
    this.#granted = count;
    this.#grant = { at, everyMs };
    this.#probe = probe;
    if (againAt > 0) this.#wake(againAt);
    if (probe === 'fresh') this.#parts.onChange(true);
  }

  #onAnswer(hasFailed: boolean): void {
    if (hasFailed) {
      this.#askAt = this.exchange.now + ASK_AGAIN_MS;
      this.#wake(this.#askAt);
    }
    this.#update(false);
  }

  #update(takes: boolean): void {
    if (this.#isStopped) return;
    this.isOpen = this.#isFixed || (this.exchange.verdict.state === 'open' && !this.exchange.isPaused);
    this.#parts.onChange(takes);
  }

  /** Whether the longest hold is over, which began with its acceptance, replay, or the endpoint's last good answer. */
  #isOverdue(waiter: Waiter | undefined): boolean {
    if (waiter === undefined) return false;
    return this.exchange.now - Math.max(waiter.heldSince, this.exchange.sums.goodAt) >= this.#holdMs;
  }

  /** Looks anew at this time, and again when a hold ends, since there is one timer. */
  #wake(at: number): void {
    if (this.#isStopped || (at >= this.#wakeAt && this.#wakeTimer !== undefined)) return;
    clearTimeout(this.#wakeTimer);
    this.#wakeAt = at;
    const ms = Math.min(LONGEST_TIMER_MS, Math.max(1, at - this.exchange.now));
    this.#wakeTimer = setTimeout(() => {
      this.#wakeTimer = undefined;
      const { state, holdUntil } = this.exchange.verdict;
      if (holdUntil > this.exchange.now) this.#wake(holdUntil);
      this.#parts.onChange(state === 'down' || holdUntil > 0);
    }, ms).unref();
  }
}
