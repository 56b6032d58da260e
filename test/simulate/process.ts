import { judge, recoverFromWait } from '../../src/core/judge-pace.ts';
import { OPEN_VERDICT, type Verdict } from '../../src/core/pace.ts';
import { areUrgent, mayEndOpen, noteFailure, noteGood, ofAnOlderEpoch } from '../../src/core/pace-news.ts';
import {
  NO_SUMS,
  noNews,
  type PaceNews,
  type PaceSums,
  type Sign,
  signOf,
} from '../../src/core/pace-sums.ts';
import { Fifo } from './agenda.ts';
import type { Reply, SimulatedEvent } from './endpoint.ts';
import type { Grant } from './pace-store.ts';
import type { World } from './world.ts';

/** News are told with the settlement, at the latest after this; while the endpoint is not open, once a second. */
const TOLD_AFTER_MS = 500;
const TOLD_WHILE_NOT_OPEN_MS = 1_000;
const LONGEST_RETRY_AFTER_MS = 60_000;

/** A request that is under way, or was. */
interface SimulatedRequest {
  readonly request: { readonly timeoutAt: number; hasEnded: boolean };
  readonly end: (reply: 'timeout') => void;
}

/** One process of the engine, with its slots. It sends, tells, asks for reservations and judges. */
export class SimulatedProcess {
  inFlight = 0;
  delivered = 0;
  verdict: Verdict = OPEN_VERDICT;
  readonly name: string;
  readonly #world: World;
  #sums: PaceSums = NO_SUMS;
  #news: PaceNews = noNews(0);
  #answersInNews = 0;
  #toldAt = 0;
  #grant: Grant | undefined;
  #granted = 0;
  #grantAt = 0;
  #askAt = 0;
  #calling = false;
  #tellAgain = false;
  #paused = false;
  #busyUntil = 0;
  #wakeAt = Number.POSITIVE_INFINITY;
  #takesRetry = false;
  readonly #requests = new Fifo<SimulatedRequest>();
  #awaitsTimeout = false;
  /** Since when its events wait for a token; undefined: they do not. */
  #tokenlessFrom: number | undefined;
  #madeAt = 0;

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
  }

  /** Sends what may be sent now. */
  pump() {
    const { agenda, options, fresh, retries } = this.#world;
    while (this.inFlight < options.slots && fresh.length + retries.length > 0) {
      if (this.#busyUntil > agenda.now) return this.#wake(this.#busyUntil);
      if (!this.#hasToken()) return;
      const event = this.#takeNext();
      if (event === undefined) return this.#ask();
      this.#send(event, false);
    }
  }

  /** Whether a request can be sent with a token. Without one events wait; one that has waited longest fails. */
  #hasToken(): boolean {
    const { agenda, options, holdMs, fresh, retries, counts } = this.#world;
    if (options.tokens === undefined) return true;
    const retryAt = options.tokens.missingUntil();
    if (retryAt === undefined) {
      if (this.#tokenlessFrom !== undefined) this.#recover(this.#tokenlessFrom);
      return true;
    }
    this.#tokenlessFrom ??= agenda.now;
    for (const queue of [retries, fresh]) {
      for (let event = queue.first; event !== undefined; event = queue.first) {
        const waitedMs = agenda.now - event.acceptedAt;
        if (agenda.now - Math.max(event.acceptedAt, this.#madeAt, this.#sums.goodAt) < holdMs) break;
        counts.shortestWaitForToken = Math.min(counts.shortestWaitForToken, waitedMs);
        queue.shift();
        this.#world.finish(event, 'no token');
      }
    }
    this.#wake(retryAt);
    return false;
  }

  #recover(waitedFrom: number): void {
    const { agenda, options } = this.#world;
    this.#tokenlessFrom = undefined;
    const next = recoverFromWait(this.verdict, this.#sums, agenda.now, options.minPerSecond, waitedFrom);
    if (next === undefined) return;
    this.#paused = true;
    this.#write(this.verdict, next);
  }

  #takeNext(): SimulatedEvent | undefined {
    const { agenda, options, retries } = this.#world;
    const { state, holdUntil, failing } = this.verdict;
    if (!options.adaptive || (state === 'open' && !this.#paused)) return this.#takeInTurn();
    const overdue = this.#takeOverdue();
    if (overdue !== undefined) return overdue;
    if (state === 'open' || holdUntil > agenda.now) return undefined;
    if (state === 'down') {
      const quarter = Math.max(1, Math.floor(options.slots / 4));
      return this.inFlight < quarter ? retries.shift() : undefined;
    }
    if (holdUntil > 0) return undefined;
    if (failing && retries.length > 0) return retries.shift();
    if (this.#granted === 0 || this.#grantAt > agenda.now) return undefined;
    this.#granted -= 1;
    this.#grantAt += this.#grant?.everyMs ?? 0;
    return this.#takeInTurn();
  }

  /** Retries and fresh events take turns. */
  #takeInTurn(): SimulatedEvent | undefined {
    const { fresh, retries } = this.#world;
    this.#takesRetry = !this.#takesRetry;
    const [first, second] = this.#takesRetry ? [retries, fresh] : [fresh, retries];
    return first.shift() ?? second.shift();
  }

  /** An event that has been held for the longest time goes as if there were no pace. */
  #takeOverdue(): SimulatedEvent | undefined {
    const { agenda, holdMs, fresh, retries } = this.#world;
    for (const queue of [retries, fresh]) {
      const event = queue.first;
      if (event === undefined) continue;
      if (agenda.now - Math.max(event.acceptedAt, this.#sums.goodAt) >= holdMs) return queue.shift();
    }
    return undefined;
  }

  #send(event: SimulatedEvent, isProbe: boolean): void {
    const { agenda, options, endpoint, counts } = this.#world;
    const sentAt = agenda.now;
    const { epoch } = this.verdict;
    this.#madeAt = sentAt;
    this.inFlight += 1;
    this.#busyUntil = Math.max(this.#busyUntil, sentAt) + options.sendMs;
    counts.sent(event, sentAt, this.verdict.state === 'down', isProbe);
    const request = { timeoutAt: sentAt + options.timeoutMs, hasEnded: false };
    const end = (reply: Reply | 'timeout') => {
      if (request.hasEnded) return;
      request.hasEnded = true;
      this.inFlight -= 1;
      this.#note(event, reply, sentAt, epoch);
      this.#world.finish(event, reply);
      if (options.adaptive) this.#tellOfEnd(isProbe);
      this.pump();
    };
    this.#requests.push({ request, end });
    if (!this.#awaitsTimeout) this.#awaitTimeout();
    endpoint.request(event, end);
  }

  /** All requests have the same timeout: the next to time out is the first that is under way. */
  #awaitTimeout(): void {
    const { agenda } = this.#world;
    for (let first = this.#requests.first; first !== undefined; first = this.#requests.first) {
      if (!first.request.hasEnded && first.request.timeoutAt > agenda.now) break;
      this.#requests.shift();
      first.end('timeout');
    }
    const next = this.#requests.first;
    this.#awaitsTimeout = next !== undefined;
    if (next !== undefined) agenda.at(next.request.timeoutAt, () => this.#awaitTimeout());
  }

  #note(event: SimulatedEvent, reply: Reply | 'timeout', sentAt: number, epoch: number): void {
    const { agenda, options } = this.#world;
    const tookMs = agenda.now - sentAt;
    const sign = signOfReply(reply) ?? 'fail';
    const retryAfterMs = reply === 'timeout' ? undefined : reply.retryAfterMs;
    const answer = {
      sign,
      isCurrent: epoch === this.verdict.epoch,
      isFirst: event.attempts === 0,
      tookMs,
      isLate: tookMs > options.timeoutMs / 4 && tookMs > 3 * this.#sums.quickMs,
      retryAt: retryAfterMs === undefined ? 0 : agenda.now + Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS),
    };
    this.#answersInNews += 1;
    if (sign === 'good') {
      this.delivered += 1;
      noteGood(this.#news, answer);
    } else noteFailure(this.#news, answer);
  }

  #tellOfEnd(isProbe: boolean) {
    const { agenda, options } = this.#world;
    const news = this.#news;
    if (isProbe) {
      news.probe = this.name;
      return this.#call(true);
    }
    const isOpen = this.verdict.state === 'open';
    const urgent = areUrgent(news, this.#answersInNews, this.verdict, agenda.now);
    if (urgent && !options.newsLate) {
      if (isOpen) this.#paused = true;
      return this.#call(false);
    }
    const isFull = options.newsLate && this.#answersInNews >= 50;
    if (isFull || agenda.now - this.#toldAt >= options.toldAfterMs) this.#call(false);
  }

  /** Every half second tells what has not been told; every second it tells even nothing, unless the endpoint is open. */
  tick(): void {
    const { agenda, options } = this.#world;
    const sinceMs = agenda.now - this.#toldAt;
    const isDue = this.#answersInNews > 0 && sinceMs >= options.toldAfterMs;
    const isQuiet = this.verdict.state !== 'open' && sinceMs >= TOLD_WHILE_NOT_OPEN_MS;
    if (isDue || isQuiet) this.#call(false);
    agenda.at(agenda.now + TOLD_AFTER_MS, () => this.tick());
  }

  #wake(at: number): void {
    const { agenda } = this.#world;
    if (at >= this.#wakeAt && this.#wakeAt > agenda.now) return;
    this.#wakeAt = at;
    agenda.at(at, () => {
      if (this.#wakeAt !== at) return;
      this.#wakeAt = Number.POSITIVE_INFINITY;
      this.pump();
    });
  }

  /** Asks for a reservation when that may grant something. */
  #ask() {
    const { agenda, fresh } = this.#world;
    const { state, failing, holdUntil } = this.verdict;
    if (this.#calling || this.#paused || state === 'open') return;
    if (this.#granted > 0 && this.#grantAt > agenda.now) return this.#wake(this.#grantAt);
    const onlyFresh = state === 'down' || (failing && holdUntil === 0);
    if (onlyFresh && fresh.length === 0) return;
    if (this.#askAt > agenda.now) return this.#wake(this.#askAt);
    this.#call(true);
  }

  /** Tells the news, and reserves in the same script. */
  #call(reserves: boolean) {
    if (this.#calling) {
      this.#tellAgain ||= !reserves || this.#news.probe !== '';
      return;
    }
    const { agenda, store, fresh, retries, options } = this.#world;
    this.#calling = true;
    const news = this.#news;
    const hadFailures = mayEndOpen(news);
    this.#news = noNews(this.verdict.epoch);
    this.#answersInNews = 0;
    this.#toldAt = agenda.now;
    const room = options.slots - this.inFlight;
    const want = {
      fresh: Math.min(fresh.length, room),
      retry: Math.min(retries.length, room),
      by: this.name,
      timeoutMs: options.timeoutMs,
    };
    store.call(news, reserves && want.fresh + want.retry > 0 ? want : undefined, (answer) => {
      this.#calling = false;
      this.#sums = answer.sums;
      this.learn(answer.verdict);
      if (answer.grant !== undefined && answer.verdict.number === this.verdict.number)
        this.#use(answer.grant);
      const isJudged = answer.verdict.state !== 'open' || hadFailures;
      const next = isJudged
        ? judge(answer.verdict, answer.sums, answer.now, options.minPerSecond)
        : undefined;
      if (next === undefined) this.#paused = false;
      else this.#write(answer.verdict, next);
      if (this.#tellAgain) {
        this.#tellAgain = false;
        this.#call(false);
      }
      this.pump();
    });
  }

  #write(verdict: Verdict, next: Verdict): void {
    this.#world.store.write(verdict, next, (current) => {
      this.#paused = false;
      this.learn(current);
      this.pump();
    });
  }

  #use(grant: Grant) {
    const { agenda, fresh, retries } = this.#world;
    this.#askAt = grant.againAt;
    if (grant.count > 0) {
      this.#grant = grant;
      this.#granted = grant.count;
      this.#grantAt = grant.at;
    }
    if (grant.againAt > agenda.now) this.#wake(grant.againAt);
    if (grant.probe === '') return;
    const event = grant.probe === 'fresh' ? fresh.shift() : retries.shift();
    if (event !== undefined) return this.#send(event, true);
    this.#news.probe = this.name;
    this.#call(false);
  }

  /** A verdict that came with a reply or a message; an older one changes nothing. */
  learn(verdict: Verdict): void {
    if (verdict.number <= this.verdict.number) return;
    const isNewEpoch = verdict.epoch !== this.verdict.epoch;
    this.verdict = verdict;
    this.#askAt = 0;
    if (!isNewEpoch) return;
    this.#granted = 0;
    this.#news = ofAnOlderEpoch(this.#news, verdict.epoch);
  }
}

function signOfReply(reply: Reply | 'timeout'): Sign | undefined {
  if (reply === 'timeout')
    return signOf({ kind: 'failed', response: '', failureClass: 'timeout', status: 0 });
  const { status } = reply;
  if (status >= 200 && status < 300) return 'good';
  const failureClass = status === 0 ? 'refused' : 'server_error';
  return signOf({ kind: 'failed', response: '', failureClass, status });
}
