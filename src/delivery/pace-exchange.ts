import type { ResolvedEndpoint } from '../config/config-schema.ts';
import { judge, recoverFromWait } from '../core/judge-pace.ts';
import type { Log } from '../core/log.ts';
import type { Classification } from '../core/outcome.ts';
import { OPEN_VERDICT, type Verdict } from '../core/pace.ts';
import { LONGEST_HOLD_MS } from '../core/pace-case.ts';
import { areUrgent, mayEndOpen, noteFailure, noteGood, ofAnOlderEpoch } from '../core/pace-news.ts';
import { NO_SUMS, noNews, type PaceNews, type PaceSums, signOf } from '../core/pace-sums.ts';
import { retryAfterMs } from '../core/retry-after.ts';
import type { PaceAnswer, PaceGrant, PaceWant } from '../queue/pace-store.ts';
import { FailureSample, logVerdict } from './delivery-log.ts';

/** News are told with a settlement, at the latest after this; while the endpoint is not open, once a second. */
const TOLD_AFTER_MS = 500;
const TOLD_WHILE_NOT_OPEN_MS = 1_000;
/** While it is down, next to nothing is judged. */
const TOLD_WHILE_DOWN_MS = 5_000;

/** What the pace of an endpoint is made from. */
export interface PaceParts {
  readonly endpoint: Pick<ResolvedEndpoint, 'client' | 'type' | 'pace' | 'concurrency' | 'timeoutMs'>;
  /** A name that no other process has. */
  readonly name: string;
  readonly log: Log;
  tell(news: PaceNews, want?: PaceWant): Promise<PaceAnswer>;
  write(next: Verdict, forgetsSums: boolean): Promise<{ readonly verdict: Verdict; readonly isOwn: boolean }>;
  /** Called when other events may go than before; `takes`: or be taken. */
  onChange(takes: boolean): void;
  onError(error: Error): void;
  /** ms since the epoch */
  now(): number;
  monotonicNow(): number;
}

/** Who is told of what comes back. */
export interface PaceFollower {
  onVerdict(isNewEpoch: boolean): void;
  onGrant(grant: PaceGrant): void;
  /** An answer came, or none could be had. */
  onAnswer(hasFailed: boolean): void;
}

/** Tells how an endpoint answers, learns what all processes told, and judges it. Times are ms of Redis' clock. */
export class PaceExchange {
  verdict = OPEN_VERDICT;
  sums: PaceSums = NO_SUMS;
  /** News of an open endpoint were told that may end that: nothing is to be sent until the answer. */
  isPaused = false;
  isCalling = false;
  readonly #parts: PaceParts;
  readonly #follower: PaceFollower;
  readonly #minPerSecond: number;
  readonly #failures: FailureSample;
  #news = noNews(0);
  /** How many answers the news count. */
  #answers = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Redis' clock minus the monotonic one. */
  #ahead: number;
  #tellsAgain = false;
  #isStopped = false;
  #tellTimer: NodeJS.Timeout | undefined;

  constructor(parts: PaceParts, follower: PaceFollower) {
    const { endpoint, log, now, monotonicNow } = parts;
    this.#parts = parts;
    this.#follower = follower;
    this.#minPerSecond = endpoint.pace.minPerSecond;
    this.#failures = new FailureSample(log, endpoint);
    this.#ahead = now() - monotonicNow();
  }

  stop(): void {
    this.#isStopped = true;
    this.#failures.end();
    clearTimeout(this.#tellTimer);
  }

  /** Which failed attempts are logged; undefined: all, as it is not down, or about to stop. */
  get sample(): FailureSample | undefined {
    return this.verdict.state === 'down' && !this.#isStopped ? this.#failures : undefined;
  }

  get now(): number {
    return this.#parts.monotonicNow() + this.#ahead;
  }

  /** An attempt is over. @param ms how long it took. @param epoch of its request */
  note(isFirst: boolean, classification: Classification, ms: number, epoch: number): void {
    const sign = signOf(classification);
    if (sign === undefined) return;
    const isCurrent = epoch === this.verdict.epoch;
    const isLate = ms > this.#parts.endpoint.timeoutMs / 4 && ms > 3 * this.sums.quickMs;
    this.#answers += 1;
    if (sign === 'good') {
      noteGood(this.#news, { sign, isCurrent, isFirst, tookMs: ms, isLate, retryAt: 0 });
      return;
    }
    const retryAt = this.#retryAt(classification);
    noteFailure(this.#news, { sign, isCurrent, isFirst, tookMs: ms, isLate, retryAt });
    if (areUrgent(this.#news, this.#answers, this.verdict, this.now)) {
      this.isPaused = this.verdict.state === 'open';
      void this.call();
    } else this.#tellLater(TOLD_AFTER_MS);
  }

  #retryAt(classification: Classification): number {
    if (classification.kind !== 'failed' || classification.retryAfter === undefined) return 0;
    const ms = retryAfterMs(classification.retryAfter, this.#parts.now());
    return ms === 0 ? 0 : this.now + Math.min(ms, LONGEST_HOLD_MS);
  }

  /** News to be told by a settlement; undefined: there are none, or some were told in the last 500 ms. Then comes `hear`. */
  newsToSettle(): PaceNews | undefined {
    if (this.#answers === 0 || this.isCalling) return undefined;
    return this.#parts.monotonicNow() - this.#toldAt >= TOLD_AFTER_MS ? this.#takeNews() : undefined;
  }

  /** The request that was to find out is over, or was never sent. */
  endProbe(): void {
    this.#news.probe = this.#parts.name;
    void this.call();
  }

  /** Events have waited for so long for something else, a token: it begins slowly. @param ms how long */
  async recover(ms: number): Promise<void> {
    const waitedFrom = this.now - ms;
    await this.call();
    const next = recoverFromWait(this.verdict, this.sums, this.now, this.#minPerSecond, waitedFrom);
    if (next !== undefined) await this.#write(this.verdict, next, false).catch(this.#parts.onError);
  }

  /** A verdict was made; one that is older than the known one changes nothing. */
  learn(verdict: Verdict): void {
    const { number, epoch } = this.verdict;
    if (verdict.number > number) this.#follow(verdict, verdict.epoch !== epoch);
  }

  #follow(verdict: Verdict, isNewEpoch: boolean): void {
    if (this.#isStopped) return;
    this.verdict = verdict;
    if (verdict.state !== 'down') this.#failures.end();
    if (isNewEpoch) this.#news = ofAnOlderEpoch(this.#news, verdict.epoch);
    this.#follower.onVerdict(isNewEpoch);
    this.#tellRegularly();
  }

  #takeNews(): PaceNews {
    const news = this.#news;
    this.#news = noNews(this.verdict.epoch);
    this.#answers = 0;
    this.#toldAt = this.#parts.monotonicNow();
    clearTimeout(this.#tellTimer);
    this.#tellTimer = undefined;
    return news;
  }

  /** Tells the news, and reserves in the same step; one call at a time. Never rejects. */
  async call(want?: PaceWant): Promise<void> {
    if (this.#isStopped) return;
    if (this.isCalling) {
      this.#tellsAgain ||= want === undefined;
      return;
    }
    this.isCalling = true;
    const news = this.#takeNews();
    const { number } = this.verdict;
    const answer = await this.#parts.tell(news, want).catch((error: Error) => error);
    this.isCalling = false;
    // A Redis that was emptied, or replaced by one that lags, knows less than this process: it is followed all the same.
    if ('verdict' in answer && answer.verdict.number < number) this.#follow(answer.verdict, true);
    const heeded = answer instanceof Error ? this.#onFailure(answer) : this.hear(answer, news);
    if (this.#tellsAgain) {
      this.#tellsAgain = false;
      void this.call();
    }
    await heeded;
  }

  /** The news are gone: they may have been added before the answer was lost. */
  #onFailure(error: Error): void {
    this.#parts.onError(error);
    this.isPaused = false;
    this.#follower.onAnswer(true);
    this.#tellRegularly();
  }

  /** News were told: follows what is known now, and judges it. Never rejects. */
  async hear({ verdict, sums, now, grant, isOver }: PaceAnswer, news: PaceNews): Promise<void> {
    this.sums = sums;
    this.#ahead = now - this.#parts.monotonicNow();
    this.learn(verdict);
    if (grant !== undefined && verdict.number === this.verdict.number) this.#follower.onGrant(grant);
    const isJudged = verdict.state !== 'open' || mayEndOpen(news);
    const judged = isJudged ? judge(verdict, sums, now, this.#minPerSecond) : undefined;
    const next = isOver ? forgotten(verdict, now) : judged;
    if (next !== undefined) await this.#write(verdict, next, isOver).catch(this.#parts.onError);
    if (!this.isCalling) this.isPaused = false;
    this.#follower.onAnswer(false);
    this.#tellRegularly();
  }

  async #write(before: Verdict, next: Verdict, forgetsSums: boolean): Promise<void> {
    const { log, endpoint } = this.#parts;
    const { verdict, isOwn } = await this.#parts.write(next, forgetsSums);
    // An endpoint that is forgotten has not become well.
    if (isOwn && !forgetsSums) logVerdict(log, endpoint, before, next);
    this.learn(verdict);
  }

  #tellRegularly(): void {
    const { state } = this.verdict;
    if (state !== 'open') this.#tellLater(state === 'down' ? TOLD_WHILE_DOWN_MS : TOLD_WHILE_NOT_OPEN_MS);
  }

  #tellLater(ms: number): void {
    if (this.#isStopped) return;
    this.#tellTimer ??= setTimeout(() => {
      this.#tellTimer = undefined;
      void this.call();
    }, ms).unref();
  }
}

function forgotten({ number, epoch }: Verdict, now: number): Verdict {
  return { ...OPEN_VERDICT, number: number + 1, epoch: epoch + 1, since: now };
}
