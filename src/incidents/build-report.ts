import { maskQuery } from '../auth/mask-credentials.ts';
import { asksForTokens } from '../config/client-config.ts';
import type { ResolvedClient } from '../config/config-schema.ts';
import { backoffMs, type RetryPolicy } from '../core/backoff.ts';
import { diedAt } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';
import type { Incident } from '../core/incident.ts';
import type { CollectedFailures } from './collect-failures.ts';
import { maskAnswer, maskPayload } from './mask-personal.ts';
import { failureInWords, whatToAsk } from './what-to-ask.ts';

/** What a report is made of. */
export interface ReportParts {
  readonly client: ResolvedClient;
  readonly collected: readonly CollectedFailures[];
  readonly open: readonly Incident[];
  readonly keepDays: number | undefined;
  readonly waiting: number;
  readonly since: number | undefined;
  /** ms since the epoch */
  readonly now: number;
}

const DAY_MS = 86_400_000;

/** The report for a client's tech support, as machines read it: times in ISO 8601. */
export type IncidentReport = ReturnType<typeof buildReport>;
/** What it says of one endpoint. */
export type EndpointReport = IncidentReport['endpoints'][number];
/** What it says of one way to fail. */
export type ReportFailure = EndpointReport['failures'][number];

/** Makes a report of what was collected, without personal data. */
export function buildReport(parts: ReportParts) {
  const { client, collected, keepDays, waiting, since, now } = parts;
  const contact: NonNullable<ResolvedClient['contact']> = client.contact ?? {};
  const endpoints = collected.map((failures) => endpointReport(failures, parts));
  const firstDied = Math.min(...collected.map((failures) => failures.firstDied));
  const isKept = keepDays === undefined || collected.length === 0;
  return {
    client: client.name,
    contact,
    madeAt: iso(now),
    since: since === undefined ? null : iso(since),
    events: endpoints.reduce((sum, { events }) => sum + events, 0),
    // The endpoint with the most dead letters first.
    endpoints: endpoints.sort((a, b) => b.events - a.events),
    next: {
      attempts: client.retry.retries + 1,
      spanMs: retrySpanMs(client.retry),
      keepDays: keepDays ?? null,
      firstRemovedAt: isKept ? null : iso(firstDied + keepDays * DAY_MS),
      waiting,
    },
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** How long the retries of an event take, without jitter and without the attempts themselves. */
function retrySpanMs(policy: RetryPolicy): number {
  let span = 0;
  for (let retry = 1; retry <= policy.retries; retry += 1) span += backoffMs(policy, retry, 0.5);
  return span;
}

function endpointReport(collected: CollectedFailures, { client, open }: ReportParts) {
  const { type, count, groups, units, fields } = collected;
  const full = client.endpoints[type]?.url;
  const incident = open.find((one) => one.type === type);
  const url = full === undefined ? null : maskQuery(full, full);
  const about = {
    url: url ?? 'the URL',
    host: full === undefined ? 'your host' : new URL(full).host,
    timeoutMs: client.timeoutMs,
    hasFieldErrors: fields.errors.length > 0,
    hasTokens: asksForTokens(client.auth),
  };
  const asks = groups.map((group) => whatToAsk({ ...about, class: group.class, status: group.status }));
  return {
    type,
    url,
    events: count,
    // A replayed dead letter has the history of its latest life only.
    failingSince: iso(Math.min(collected.failingSince, incident?.failingSince ?? collected.failingSince)),
    firstDiedAt: iso(collected.firstDied),
    lastDiedAt: iso(collected.lastDied),
    incidentOpenedAt: incident === undefined ? null : iso(incident.openedAt),
    units,
    failures: groups.map((group) => ({
      status: group.status === 0 ? null : group.status,
      class: group.class,
      words: failureInWords(group.class, group.status),
      events: group.count,
      firstDiedAt: iso(group.firstDied),
      lastDiedAt: iso(group.lastDied),
      units: group.units,
      samples: differing(group.samples.map(toSample)),
    })),
    fields,
    asks: [...new Set(asks)],
  };
}

type Sample = ReturnType<typeof toSample>;

/** Drops answers that are equal after masking. */
function differing(samples: readonly Sample[]): Sample[] {
  return samples.filter(({ answer }, i) => samples.findIndex((one) => one.answer === answer) === i);
}

function toSample(event: StoredEvent) {
  const { payload, logins } = maskPayload(JSON.parse(event.body));
  return {
    event: event.id,
    unit: event.unit,
    at: iso(diedAt(event)),
    attempts: event.history?.length ?? 0,
    answer: maskAnswer(event.response ?? '', logins),
    payload,
  };
}
