import type { ResolvedClient } from '../config/config-schema.ts';
import type { Classification } from '../core/classify.ts';
import type { Outcome } from '../core/decide.ts';
import type { StoredEvent } from '../core/event.ts';
import type { Log } from '../core/log.ts';
import type { TakenJob } from '../queue/batch-worker.ts';
import type { Lane } from './lane.ts';
import type { Tally } from './tally.ts';

/** How much of a response, or of the reason that there was none, a dead letter's line shows. */
const DETAIL_LENGTH = 200;

/** One line per attempt: at debug where it delivered at once, since a line costs a seventh of a request. */
export function logAttempt(
  log: Log,
  client: ResolvedClient,
  event: StoredEvent,
  attempt: number,
  classification: Classification,
  outcome: Outcome,
  ms: number,
  now: number,
): void {
  const routine = classification.kind === 'delivered' && attempt === 1;
  if (routine && !log.isLevelEnabled('debug')) return;
  const fields = {
    client: client.name,
    event: event.id,
    type: event.type,
    unit: event.unit,
    attempt,
    of: client.retry.retries + 1,
    outcome: outcome.kind,
    status: classification.status,
    ...(classification.kind === 'failed' ? { class: classification.failureClass } : {}),
    ms: Math.round(ms),
    ...(outcome.kind === 'retry' ? { nextInMs: outcome.dueAt - now } : {}),
  };
  if (routine) log.debug(fields, 'attempt');
  else log.info(fields, 'attempt');
}

/** One line per event that is given up on. */
export function logDead(log: Log, client: ResolvedClient, event: StoredEvent): void {
  const last = event.history?.at(-1);
  log.info(
    {
      client: client.name,
      event: event.id,
      type: event.type,
      unit: event.unit,
      attempts: event.history?.length ?? 0,
      status: last?.[1] ?? 0,
      class: last?.[2],
      detail: event.response?.slice(0, DETAIL_LENGTH) ?? '',
    },
    'dead letter',
  );
}

/** One line where an endpoint begins to hold on to the permits of its client, and one where it ends. */
export function logLane(
  log: Log,
  client: ResolvedClient,
  { type, isAiling, inFlight, standing }: Lane,
): void {
  const fields = { client: client.name, type, inFlight, inLine: standing };
  if (isAiling) log.warn(fields, 'endpoint is held to its share');
  else log.info(fields, 'endpoint is no longer held to its share');
}

/** One line per batch that was let go. */
export function logBatch(
  log: Log,
  client: ResolvedClient,
  job: TakenJob,
  events: number,
  tally: Tally,
): void {
  if (!log.isLevelEnabled('info')) return;
  log.info(
    {
      client: client.name,
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
