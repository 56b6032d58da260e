import { maskQuery } from '../auth/mask-credentials.ts';
import { asksForTokens } from '../config/client-config.ts';
import type { ResolvedClient } from '../config/config-schema.ts';
import { backoffMs, type RetryPolicy } from '../core/backoff.ts';
import { type CourseKind, isDelivered, isSame, totalsOf } from '../core/course.ts';
import { diedAt } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';
import { type ClosedIncident, type FailureExample, type Incident, incidentValue } from '../core/incident.ts';
import type { Repeats } from '../core/repeats.ts';
import { type WebPages, webPagesValue } from '../core/web-pages.ts';
import type { OutageRecords } from '../queue/outage-records.ts';
import { CollectedFailures, type FailureGroup } from './collect-failures.ts';
import { answerOf, maskPayload } from './mask-personal.ts';
import { failureInWords, whatToAsk, whatToAskAboutPages } from './what-to-ask.ts';

/** An incident, open or over, and what is known of its course. */
export interface Outage extends OutageRecords {
  readonly incident: Incident | ClosedIncident;
}

/** What a report is made of. */
export interface ReportParts {
  readonly client: ResolvedClient;
  readonly collected: readonly CollectedFailures[];
  /** Of the same client, one for an endpoint. */
  readonly outages: readonly Outage[];
  readonly keepDays: number | undefined;
  /** By event type: deliveries that were answered with a web page. */
  readonly webPages?: ReadonlyMap<string, WebPages>;
  readonly waiting: number;
  /** Of the endpoints that the report is about. */
  readonly repeats?: Repeats;
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
/** What came back to an event that was not given up on. */
export type ReportExample = EndpointReport['examples'][number];

/** Makes a report of what was collected, without personal data. */
export function buildReport(parts: ReportParts) {
  const { client, collected, outages, webPages, keepDays, waiting, repeats = {}, since, now } = parts;
  const { notify: _, ...contact }: NonNullable<ResolvedClient['contact']> = client.contact ?? {
    notify: false,
  };
  const failing = [...collected, ...outages.map(({ incident }) => incident)].map(({ type }) => type);
  const types = new Set([...failing, ...(webPages?.keys() ?? [])]);
  const endpoints = [...types].map((type) => endpointReport(type, parts));
  const firstDied = Math.min(...collected.map((failures) => failures.firstDied));
  const isKept = keepDays === undefined || collected.length === 0;
  return {
    client: client.name,
    contact,
    madeAt: iso(now),
    since: since === undefined ? null : iso(since),
    events: endpoints.reduce((sum, { events }) => sum + events, 0),
    repeats,
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

function endpointReport(type: string, parts: ReportParts) {
  const { client, collected, outages, webPages, now } = parts;
  const failures = collected.find((one) => one.type === type) ?? new CollectedFailures(type);
  const outage = outages.find(({ incident }) => incident.type === type);
  const { groups, units, fields, count } = failures;
  const full = client.endpoints[type]?.url;
  const url = full === undefined ? null : maskQuery(full);
  const about = {
    url: url ?? 'the URL',
    host: full === undefined ? 'your host' : new URL(full).host,
    timeoutMs: client.timeoutMs,
    hasFieldErrors: fields.errors.length > 0,
    hasTokens: asksForTokens(client.auth),
  };
  const asks = askedFor(groups, outage).flatMap((cause) =>
    detailsOf(cause, groups, outage).map((detail) => whatToAsk({ ...about, ...cause, detail })),
  );
  const pages = webPages?.get(type);
  if (pages !== undefined) asks.push(whatToAskAboutPages(about.url));
  return {
    type,
    url,
    webPages: pages === undefined ? null : webPagesValue(pages),
    events: count,
    // A replayed dead letter has the history of its latest life only.
    failingSince: iso(Math.min(failures.failingSince, outage?.incident.failingSince ?? now)),
    firstDiedAt: count === 0 ? null : iso(failures.firstDied),
    lastDiedAt: count === 0 ? null : iso(failures.lastDied),
    incidentOpenedAt: outage === undefined ? null : iso(outage.incident.openedAt),
    incident: outage === undefined ? null : incidentValue(outage.incident),
    course: (outage?.course ?? []).map((point) => ({
      at: iso(point.at),
      class: point.class,
      status: point.status === 0 ? null : point.status,
      attempts: point.count,
    })),
    units,
    failures: groups.map(toFailure),
    examples: (outage?.examples ?? [])
      .filter((one) => !groups.some((group) => isSame(group, one)))
      .map(toValue),
    fields,
    asks: [...new Set(asks)],
  };
}

function toFailure(group: FailureGroup) {
  return {
    status: group.status === 0 ? null : group.status,
    class: group.class,
    words: failureInWords(group.class, group.status),
    events: group.count,
    firstDiedAt: iso(group.firstDied),
    lastDiedAt: iso(group.lastDied),
    units: group.units,
    oddCharacters: [...group.oddCharacters].map(([what, events]) => ({ what, events })),
    samples: differing(group.samples.map(toSample)),
  };
}

/** What events died of, and what at least a tenth of the attempts failed with; without either, what came back. */
function askedFor(groups: readonly CourseKind[], outage: Outage | undefined): CourseKind[] {
  if (outage === undefined) return [...groups];
  const failed = totalsOf(outage.course.filter((point) => !isDelivered(point)));
  const sum = failed.reduce((all, { count }) => all + count, 0);
  const frequent = failed.filter(({ count }) => count * 10 >= sum);
  const known = [...groups, ...frequent.filter((one) => !groups.some((group) => isSame(group, one)))];
  return known.length > 0 ? known : [...outage.incident.failures, ...outage.examples];
}

/** What came back to events that failed so, personal data masked: what is to be asked may hang on it, and quote it. */
function detailsOf(cause: CourseKind, groups: readonly FailureGroup[], outage: Outage | undefined): string[] {
  const samples = groups.filter((group) => isSame(group, cause)).flatMap((group) => group.samples);
  const examples = (outage?.examples ?? []).filter((example) => isSame(example, cause));
  const details = [
    ...samples.map((event) => toSample(event).answer),
    ...examples.map(({ answer }) => answer),
  ];
  return details.length === 0 ? [''] : details;
}

function toValue(example: FailureExample) {
  const { class: failureClass, status, at, ...rest } = example;
  return { status: status === 0 ? null : status, class: failureClass, at: iso(at), ...rest };
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
    ...answerOf(event, logins),
    payload,
  };
}
