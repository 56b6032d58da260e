import { maskQuery } from '../auth/mask-credentials.ts';
import { asksForTokens } from '../config/client-config.ts';
import type { ResolvedClient } from '../config/config-schema.ts';
import { backoffMs, type RetryPolicy } from '../core/backoff.ts';
import { diedAt } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';
import type { Incident } from '../core/incident.ts';
import type { CollectedFailures, FailureGroup } from './collect-failures.ts';
import { maskAnswer, maskPayload } from './mask-personal.ts';
import { failureInWords, whatToAsk } from './what-to-ask.ts';

/** An event that failed, as the client's tech support may see it. */
export interface ReportSample {
  /** Also the `Idempotency-Key` of its requests. */
  readonly event: string;
  readonly unit: string;
  /** When the last attempt ended, ms since the epoch. */
  readonly at: number;
  readonly attempts: number;
  /** The start of what was answered, or why nothing was. */
  readonly answer: string;
  /** What was sent. */
  readonly payload: unknown;
}

/** What a report says of one way to fail. */
export interface ReportFailure extends Omit<FailureGroup, 'samples'> {
  readonly words: string;
  readonly samples: readonly ReportSample[];
}

/** What a report says of one endpoint. Times in ms since the epoch. */
export interface EndpointReport extends Omit<CollectedFailures, 'groups'> {
  /** Without secrets; undefined: the configuration has no endpoint for this type any more. */
  readonly url: string | undefined;
  /** When its incident opened; undefined: none is open. */
  readonly openedAt: number | undefined;
  readonly failures: readonly ReportFailure[];
  /** What is asked of the client's tech support. */
  readonly asks: readonly string[];
}

/** The report that a technical contact sends to a client's tech support. Times in ms since the epoch. */
export interface IncidentReport {
  readonly client: string;
  readonly contact: { readonly name?: string | undefined; readonly email?: string | undefined };
  readonly madeAt: number;
  /** Dead letters from then on; undefined: all. */
  readonly since: number | undefined;
  readonly count: number;
  /** The endpoint with the most dead letters first. */
  readonly endpoints: readonly EndpointReport[];
  readonly next: {
    /** Of an event, the first one included. */
    readonly attempts: number;
    /** From the first attempt to the last one, about. */
    readonly spanMs: number;
    /** undefined: until they are replayed or discarded. */
    readonly keepDays: number | undefined;
    /** When the first dead letter above is removed; undefined: none is. */
    readonly firstRemovedAt: number | undefined;
    /** Events of the client that still wait or are retried. */
    readonly waiting: number;
  };
}

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

/** Makes a report of what was collected, without personal data. */
export function buildReport(parts: ReportParts): IncidentReport {
  const { client, collected, keepDays, waiting, since, now } = parts;
  const endpoints = collected.map((failures) => endpointReport(failures, parts));
  const firstDied = Math.min(...collected.map((failures) => failures.firstDied));
  const isKept = keepDays === undefined || collected.length === 0;
  return {
    client: client.name,
    contact: client.contact ?? {},
    madeAt: now,
    since,
    count: endpoints.reduce((sum, { count }) => sum + count, 0),
    endpoints: endpoints.sort((a, b) => b.count - a.count),
    next: {
      attempts: client.retry.retries + 1,
      spanMs: retrySpanMs(client.retry),
      keepDays,
      firstRemovedAt: isKept ? undefined : firstDied + keepDays * DAY_MS,
      waiting,
    },
  };
}

/** How long the retries of an event take, without jitter and without the attempts themselves. */
function retrySpanMs(policy: RetryPolicy): number {
  let span = 0;
  for (let retry = 1; retry <= policy.retries; retry += 1) span += backoffMs(policy, retry, 0.5);
  return span;
}

function endpointReport(
  { groups, ...collected }: CollectedFailures,
  { client, open }: ReportParts,
): EndpointReport {
  const full = client.urls[collected.type];
  const incident = open.find(({ type }) => type === collected.type);
  const url = full === undefined ? undefined : maskQuery(full, full);
  const about = {
    url: url ?? 'the URL',
    host: full === undefined ? 'your host' : new URL(full).host,
    timeoutMs: client.timeoutMs,
    hasFieldErrors: collected.fields.errors.length > 0,
    hasTokens: asksForTokens(client.auth),
  };
  return {
    ...collected,
    url,
    openedAt: incident?.openedAt,
    // Dead letters that were replayed and died again know of their latest life only.
    failingSince: Math.min(collected.failingSince, incident?.failingSince ?? collected.failingSince),
    failures: groups.map((group) => ({
      ...group,
      words: failureInWords(group.class, group.status),
      samples: differing(group.samples.map(toSample)),
    })),
    asks: [
      ...new Set(groups.map((group) => whatToAsk({ ...about, class: group.class, status: group.status }))),
    ],
  };
}

/** What differed in nothing but what is masked now is told once. */
function differing(samples: readonly ReportSample[]): ReportSample[] {
  return samples.filter(({ answer }, i) => samples.findIndex((one) => one.answer === answer) === i);
}

function toSample(event: StoredEvent): ReportSample {
  const { payload, logins } = maskPayload(JSON.parse(event.body));
  return {
    event: event.id,
    unit: event.unit,
    at: diedAt(event),
    attempts: event.history?.length ?? 0,
    answer: maskAnswer(event.response ?? '', logins),
    payload,
  };
}

/** A report for machines: times in ISO 8601, no status as null. */
export function reportValue(report: IncidentReport) {
  const iso = (ms: number): string => new Date(ms).toISOString();
  const isoOrNull = (ms: number | undefined): string | null => (ms === undefined ? null : iso(ms));
  return {
    client: report.client,
    contact: report.contact,
    madeAt: iso(report.madeAt),
    since: isoOrNull(report.since),
    events: report.count,
    endpoints: report.endpoints.map(
      ({ count, failingSince, firstDied, lastDied, openedAt, url, ...endpoint }) => ({
        type: endpoint.type,
        url: url ?? null,
        events: count,
        failingSince: iso(failingSince),
        firstDiedAt: iso(firstDied),
        lastDiedAt: iso(lastDied),
        incidentOpenedAt: isoOrNull(openedAt),
        units: endpoint.units,
        failures: endpoint.failures.map((failure) => ({
          status: failure.status === 0 ? null : failure.status,
          class: failure.class,
          words: failure.words,
          events: failure.count,
          firstDiedAt: iso(failure.firstDied),
          lastDiedAt: iso(failure.lastDied),
          units: failure.units,
          samples: failure.samples.map((sample) => ({ ...sample, at: iso(sample.at) })),
        })),
        fields: endpoint.fields,
        asks: endpoint.asks,
      }),
    ),
    next: {
      ...report.next,
      keepDays: report.next.keepDays ?? null,
      firstRemovedAt: isoOrNull(report.next.firstRemovedAt),
    },
  };
}
