import type { ResolvedEndpoint } from '../config/config-schema.ts';
import { lastFailure } from '../core/dead-letter-filter.ts';
import { nextAttempt, type StoredEvent } from '../core/event.ts';
import type { Log } from '../core/log.ts';
import type { Classification, Outcome } from '../core/outcome.ts';
import type { Verdict } from '../core/pace.ts';
import type { Endpoint } from '../queue/names.ts';
import type { TakenBatch } from '../queue/take.ts';
import { DETAIL_LENGTH, type Tally } from './tally.ts';

/** One line per attempt: at debug if it delivered at once, since a line costs a seventh of a request. */
export function logAttempt(
  log: Log,
  endpoint: ResolvedEndpoint,
  event: StoredEvent,
  classification: Classification,
  outcome: Outcome,
  ms: number,
  now: number,
): void {
  const attempt = nextAttempt(event);
  const routine = classification.kind === 'delivered' && attempt === 1;
  if (routine && !log.isLevelEnabled('debug')) return;
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
