import type { ResolvedEndpoint } from '../config/config-schema.ts';
import { lastFailure } from '../core/dead-letter-filter.ts';
import { nextAttempt, type StoredEvent } from '../core/event.ts';
import type { Log } from '../core/log.ts';
import type { Classification, Outcome } from '../core/outcome.ts';
import type { Verdict } from '../core/pace.ts';
import type { Endpoint } from '../queue/names.ts';
import type { TakenBatch } from '../queue/take.ts';
import { DETAIL_LENGTH, type Tally } from './tally.ts';

/** Of the failed attempts of an endpoint that is down so many have a line, and then one in so many. */
const LOGGED_FIRST = 10;
const LOGGED_ONE_IN = 100;

/**
 * Which failed attempts of an endpoint have a line while it is down. Each process counts its own. With `debug` all have
 * one; metrics and histories have all of them whatever the level.
 */
export class FailureSample {
  readonly #log: Log;
  readonly #endpoint: Endpoint;
  /** Failed attempts since it is down. */
  #failed = 0;
  #leftOut = 0;
  /** Those that were left out since the latest line. */
  #unreported = 0;

  constructor(log: Log, { client, type }: Endpoint) {
    this.#log = log;
    this.#endpoint = { client, type };
  }

  /** Counts a failed attempt. @returns how many were left out since the latest line; undefined: this one is, too */
  next(): number | undefined {
    if (this.#log.isLevelEnabled('debug')) return 0;
    this.#failed += 1;
    const beyond = this.#failed - LOGGED_FIRST;
    if (beyond > 0 && beyond % LOGGED_ONE_IN > 0) {
      this.#leftOut += 1;
      this.#unreported += 1;
      return undefined;
    }
    const unreported = this.#unreported;
    this.#unreported = 0;
    return unreported;
  }

  /** It is not down any more, or about to stop: tells how many were left out, and begins anew. */
  end(): void {
    const facts = { ...this.#endpoint, failed: this.#failed, leftOut: this.#leftOut };
    if (this.#leftOut > 0) this.#log.info(facts, 'failed attempts left out of the log');
    this.#failed = 0;
    this.#leftOut = 0;
    this.#unreported = 0;
  }
}

/**
 * One line per attempt: at debug if it delivered at once, since a line costs a seventh of a request.
 *
 * @param sample which failed attempts have a line; left out: all
 */
export function logAttempt(
  log: Log,
  endpoint: ResolvedEndpoint,
  event: StoredEvent,
  classification: Classification,
  outcome: Outcome,
  ms: number,
  now: number,
  sample?: FailureSample | undefined,
): void {
  const attempt = nextAttempt(event);
  const routine = classification.kind === 'delivered' && attempt === 1;
  if (routine && !log.isLevelEnabled('debug')) return;
  const unreported = classification.kind === 'failed' && sample !== undefined ? sample.next() : 0;
  if (unreported === undefined) return;
  const fields = {
    client: endpoint.client,
    event: event.id,
    type: event.type,
    unit: event.unit,
    attempt,
    of: endpoint.retry.retries + 1,
    outcome: outcome.kind,
    status: classification.status,
    ...(classification.kind === 'failed' ? { class: classification.failureClass } : {}),
    ...(classification.kind === 'failed' && classification.retryAfter !== undefined
      ? { retryAfter: classification.retryAfter }
      : {}),
    ...(classification.kind === 'failed' && classification.location !== undefined
      ? { location: classification.location }
      : {}),
    ms: Math.round(ms),
    ...(outcome.kind === 'retry' ? { nextInMs: outcome.dueAt - now } : {}),
    ...(unreported > 0 ? { unreported } : {}),
  };
  if (routine) log.debug(fields, 'attempt');
  else log.info(fields, 'attempt');
}

/** One line per event that is given up on. */
export function logDead(log: Log, endpoint: ResolvedEndpoint, event: StoredEvent): void {
  const { status, failureClass } = lastFailure(event);
  log.info(
    {
      client: endpoint.client,
      event: event.id,
      type: event.type,
      unit: event.unit,
      attempts: event.history?.length ?? 0,
      status,
      class: failureClass,
      detail: event.response?.slice(0, DETAIL_LENGTH) ?? '',
    },
    'dead letter',
  );
}

/** One line per batch that was let go. */
export function logBatch(
  log: Log,
  endpoint: ResolvedEndpoint,
  job: TakenBatch,
  events: number,
  tally: Tally,
): void {
  if (!log.isLevelEnabled('info')) return;
  log.info(
    {
      client: endpoint.client,
      type: endpoint.type,
      batch: job.id,
      events,
      delivered: tally.delivered,
      retried: tally.retried,
      dead: tally.died,
      ...(job.stalls > 0 ? { stalls: job.stalls } : {}),
    },
    'batch',
  );
}

/** One line when the state of an endpoint changes, and when it begins to ask by `Retry-After` to be left alone. */
export function logVerdict(log: Log, { client, type }: Endpoint, before: Verdict, next: Verdict): void {
  const iso = (ms: number): string => new Date(ms).toISOString();
  if (next.holdUntil > 0 && before.holdUntil === 0 && next.state !== 'down')
    log.warn({ client, type, until: iso(next.holdUntil) }, 'endpoint says Retry-After: events wait');
  if (next.state === before.state) return;
  const facts = {
    ...{ client, type, was: before.state },
    ...(before.since > 0 ? { wasForMs: Math.round(next.since - before.since) } : {}),
    ...(next.rate > 0 ? { ratePerSecond: Number(next.rate.toFixed(1)) } : {}),
    ...(next.downFrom > 0 ? { nothingDeliveredSince: iso(next.downFrom) } : {}),
  };
  const isGood = next.state === 'open' || next.state === 'recovering';
  log[isGood ? 'info' : 'warn'](facts, `endpoint ${next.state}`);
}
