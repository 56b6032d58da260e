/** One endpoint of a client: each has a queue of its own, named after its event type. */
export interface Endpoint {
  readonly client: string;
  readonly type: string;
}

/** The queue of a client's batches. */
export const DELIVERIES = 'deliveries';
/** The queue of a client's dead letters. */
export const DEAD_LETTERS = 'dead-letters';

/** The prefix of everything that belongs to a client: a hash tag, so that it lives in one cluster slot. */
export function clientPrefix(client: string): string {
  return `{wb:${client}}`;
}

/** The beginning of a queue's keys, as BullMQ writes them: `{wb:acme}:deliveries:`. */
export function queuePrefix(client: string, queue: string): string {
  return `${clientPrefix(client)}:${queue}:`;
}

/** The hash with a client's counters and its last error. */
export function statsKey(client: string): string {
  return `${clientPrefix(client)}:stats`;
}

/** The hash with a client's incidents: `<type>:<what>`; what is to be told of them: `notice/<id>/<channel>`. */
export function incidentsKey(client: string): string {
  return `${clientPrefix(client)}:incidents`;
}

/** The list of a client's incidents that are over, newest first. */
export function closedIncidentsKey(client: string): string {
  return `${clientPrefix(client)}:incidents:closed`;
}

/** The list of a client's delivered events whose ids share their first eight digits (65.5 s of time). */
export function deliveredKey(client: string, slot: string): string {
  return `${clientPrefix(client)}:delivered:${slot}`;
}

/** The theoretical arrival time of a client's rate limit (GCRA). */
export function rateKey(client: string): string {
  return `${clientPrefix(client)}:rate`;
}

/**
 * The event that an idempotency key stands for. Keys are input: a fixed ending keeps them from making up the name
 * of something else, such as that of another client's queue.
 */
export function idempotencyKeyName(client: string, key: string): string {
  return `${clientPrefix(client)}:keys:${key}:event`;
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
