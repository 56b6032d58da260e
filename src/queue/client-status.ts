import type { Redis } from 'ioredis';
import { countDeadLetters } from './dead-letter-queue.ts';
import { defineScript } from './define-script.ts';
import { DELIVERIES, queuePrefix, statsKey } from './names.ts';

/**
 * Adds up the events of the jobs in a list or sorted set, from one position to another: a job's name is the
 * number of its events.
 *
 * KEYS  the list or sorted set
 * ARGV  prefix of the jobs, first, last
 * Returns {jobs, events}.
 */
const COUNT_EVENTS = `
local kind = redis.call('TYPE', KEYS[1]).ok
local ids = {}
if kind == 'list' then ids = redis.call('LRANGE', KEYS[1], ARGV[2], ARGV[3]) end
if kind == 'zset' then ids = redis.call('ZRANGE', KEYS[1], ARGV[2], ARGV[3]) end
local events = 0
for _, id in ipairs(ids) do
  events = events + (tonumber(redis.call('HGET', ARGV[1] .. id, 'name') or '0') or 0)
end
return {#ids, events}
`;

const countScript = defineScript('count-events', COUNT_EVENTS);
const CHUNK = 1_000;

/** The last failure of a client's deliveries. */
export interface LastError {
  /** ms since the epoch */
  readonly at: number;
  readonly event: string;
  readonly type: string;
  readonly attempt: number;
  /** 0: there was no status. */
  readonly status: number;
  readonly class: string;
  readonly detail: string;
}

/** Where a client's events are, in events, and what became of those that are through. */
export interface ClientStatus {
  readonly waiting: number;
  /** In batches that a worker has open: being sent, or about to be. */
  readonly inFlight: number;
  readonly retrying: number;
  readonly dead: number;
  readonly delivered: number;
  /** Delivered, by type and status: `{inventory_receipt: {200: 3, 201: 40}}`. */
  readonly deliveredByType: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Failed attempts by class. */
  readonly failedAttempts: Readonly<Record<string, number>>;
  readonly accepted: number;
  readonly replayed: number;
  /** Since when the client is paused, ms since the epoch; absent: it is not. */
  readonly pausedAt?: number;
  readonly discarded: number;
  /** Jobs that failed by a fault of Waybill's own; none is expected. */
  readonly broken: number;
  readonly lastError?: LastError;
}

async function countEvents(redis: Redis, prefix: string, state: string): Promise<number> {
  let events = 0;
  for (let first = 0; ; first += CHUNK) {
    const [jobs, count] = (await countScript(
      redis,
      [`${prefix}${state}`],
      [prefix, first, first + CHUNK - 1],
    )) as [number, number];
    events += count;
    if (jobs < CHUNK) return events;
  }
}

/** Reads where a client's events are. @throws errors of Redis */
export async function readClientStatus(redis: Redis, client: string): Promise<ClientStatus> {
  const prefix = queuePrefix(client, DELIVERIES);
  const [wait, prioritized, active, delayed, dead, broken, stats] = await Promise.all([
    countEvents(redis, prefix, 'wait'),
    countEvents(redis, prefix, 'prioritized'),
    countEvents(redis, prefix, 'active'),
    countEvents(redis, prefix, 'delayed'),
    countDeadLetters(redis, client),
    redis.zcard(`${prefix}failed`),
    redis.hgetall(statsKey(client)),
  ]);
  return {
    waiting: wait + prioritized,
    inFlight: active,
    retrying: delayed,
    dead,
    ...fromStats(stats),
    broken,
  };
}

/** What a client's `stats` tell, of its fields and their values. */
export function fromStats(stats: Readonly<Record<string, string>>) {
  const deliveredByType: Record<string, Record<string, number>> = {};
  const failedAttempts: Record<string, number> = {};
  let delivered = 0;
  for (const [field, value] of Object.entries(stats)) {
    const [kind, name = '', status = ''] = field.split(':');
    if (kind === 'delivered') {
      delivered += Number(value);
      deliveredByType[name] = { ...deliveredByType[name], [status]: Number(value) };
    } else if (kind === 'failed') failedAttempts[name] = Number(value);
  }
  return {
    delivered,
    deliveredByType,
    failedAttempts,
    accepted: Number(stats.accepted ?? 0),
    replayed: Number(stats.replayed ?? 0),
    discarded: Number(stats.discarded ?? 0),
    ...(stats.pausedAt === undefined ? {} : { pausedAt: Number(stats.pausedAt) }),
    ...(stats.lastError === undefined ? {} : { lastError: JSON.parse(stats.lastError) as LastError }),
  };
}

/** A client's status as machines read it: times and statuses are written as in the rows of dead letters. */
export function clientStatusValue({ lastError, pausedAt, ...numbers }: ClientStatus) {
  const counts = { ...numbers, pausedAt: pausedAt === undefined ? null : new Date(pausedAt).toISOString() };
  return lastError === undefined ? counts : { ...counts, lastError: lastErrorValue(lastError) };
}

/** A last error as machines read it; no status is null. */
export function lastErrorValue(lastError: LastError) {
  const { at, status } = lastError;
  return { ...lastError, at: new Date(at).toISOString(), status: status === 0 ? null : status };
}
