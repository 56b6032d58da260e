import type { StoredEvent } from '../core/event.ts';

/** One endpoint of a client: each has a queue of its own, named after its event type. */
export interface Endpoint {
  readonly client: string;
  readonly type: string;
}

/** The prefix of everything that belongs to a client: a hash tag, so that it lives in one cluster slot. */
export function clientPrefix(client: string): string {
  return `{wb:${client}}`;
}

/** The client that a key belongs to. */
export function clientIn(key: string): string {
  return /^\{wb:(.*?)\}/.exec(key)?.[1] ?? '';
}

/** BullMQ's prefix of the queues of a client's endpoints, whose names are the event types. */
export function deliveriesPrefix(client: string): string {
  return `${clientPrefix(client)}:deliveries`;
}

/** The beginning of the keys of an endpoint's queue, as BullMQ writes them: `{wb:acme}:deliveries:inventory_receipt:`. */
export function endpointPrefix({ client, type }: Endpoint): string {
  return `${deliveriesPrefix(client)}:${type}:`;
}

/** The queue of a client's dead letters; its prefix is the client's. */
export const DEAD_LETTERS = 'dead-letters';

/** The beginning of the keys of a client's dead letters. */
export function deadLettersPrefix(client: string): string {
  return `${clientPrefix(client)}:${DEAD_LETTERS}:`;
}

/**
 * A key that never exists, made from any key of a client, which each script of one client declares: while Redis Cluster
 * moves a hash slot key by key, it then answers TRYAGAIN instead of running the script on half of the client's keys.
 */
export function guardKey(key: string): string {
  return `${key.slice(0, key.indexOf('}') + 1)}:guard`;
}

/**
 * The hash with a client's counters, by event type: `accepted:<type>`, `delivered:<type>:<status>`,
 * `failed:<type>:<class>` (attempts), `dead:<type>:<class>` (events given up on), `replayed:<type>`,
 * `discarded:<type>`, `merged:<type>` (copies of an event that came to the same retry), `attemptMs:<type>`; what there
 * is now: `retrying:<type>` (events that failed at least once and will be tried again), `letters:<type>` (dead
 * letters); `lastError:<type>` (JSON, with the number of events delivered before), and `pausedAt`.
 */
export function statsKey(client: string): string {
  return `${clientPrefix(client)}:stats`;
}

/** The hash with a client's incidents: `<type>:<what>`; what is to be told of them: `notice/<id>/<channel>`. */
export function incidentsKey(client: string): string {
  return `${clientPrefix(client)}:incidents`;
}

/** The list of what was told of a client's incidents, newest first. */
export function toldKey(client: string): string {
  return `${clientPrefix(client)}:incidents:told`;
}

/** The list of a client's incidents that are over, newest first. */
export function closedIncidentsKey(client: string): string {
  return `${clientPrefix(client)}:incidents:closed`;
}

/** Stands for a client's name in the keys of what belongs to no client. */
export const OF_NO_CLIENT = '';

/** The stream of what people did at a client. */
export function auditKey(client: string): string {
  return `${clientPrefix(client)}:audit`;
}

/** How many dead letters an action of the audit has replayed or discarded so far. */
export function auditCountKey(client: string, id: string): string {
  return `${auditKey(client)}:${id}`;
}

/** The stream of the ids of a client's discarded events. */
export function discardedKey(client: string): string {
  return `${clientPrefix(client)}:discarded`;
}

/**
 * The list of a client's delivered events whose ids share their first eight digits (65.5 s of time); without these, the
 * sorted set of all such digits that there is a list for, by when that expires.
 */
export function deliveredKey(client: string, slot?: string): string {
  return `${clientPrefix(client)}:delivered${slot === undefined ? '' : `:${slot}`}`;
}

/** The hash with the pace of an endpoint: `verdict` and `sums`, each as JSON. */
export function paceKey({ client, type }: Endpoint): string {
  return `${clientPrefix(client)}:pace:${type}`;
}

/** The hash with the course of an endpoint's attempts since it began to fail: `<minute>:<class>:<status>`. */
export function courseKey({ client, type }: Endpoint): string {
  return `${clientPrefix(client)}:course:${type}`;
}

/** What the report of an incident that is over needs beside the list's entry, as JSON. */
export function incidentDetailsKey(client: string, id: string): string {
  return `${clientPrefix(client)}:incident:${id}`;
}

/** The theoretical arrival time of a rate limit (GCRA): that of all endpoints of a client, or of one of them. */
export function rateKey(client: string, type?: string): string {
  return `${clientPrefix(client)}:rate${type === undefined ? '' : `:${type}`}`;
}

/**
 * The event that an idempotency key stands for. Keys are input: a fixed ending keeps them from making up the name
 * of something else, such as that of another client's queue.
 */
export function idempotencyKeyName(client: string, key: string): string {
  return `${clientPrefix(client)}:keys:${key}:event`;
}

/** The job id of a retry that leaves its batch: the same for the same attempt, however often it is added. */
export function retryJobId(event: StoredEvent): string {
  return `${event.id}.${event.life ?? 0}.${event.history?.length ?? 0}`;
}

/** The job id of a dead letter: the same for the same life, so that writing it twice is once. */
export function deadLetterJobId(event: StoredEvent): string {
  return `${event.id}.${event.life ?? 0}`;
}

/** How a batch is held by the process that has it open, and how a process that is lost is noticed. */
export interface LockTiming {
  /** How long a batch stays locked for a process that gives no sign of life. */
  readonly durationMs: number;
  /** How often is looked for batches without a lock; one is taken over at the second look. */
  readonly stalledIntervalMs: number;
}

/** A worker whose process is lost is noticed within lock + 2 × interval: 40 s. */
export const LOCK_TIMING: LockTiming = { durationMs: 30_000, stalledIntervalMs: 5_000 };
