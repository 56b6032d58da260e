import type { Redis } from 'ioredis';
import type { Batch } from '../core/event.ts';
import { clientPrefix, DELIVERIES, queuePrefix } from './names.ts';

const SCAN_COUNT = 1_000;
const SAMPLED_JOBS = 1_000;
/** Jobs that are read at once: at most 256 KiB each. */
const JOBS_A_READ = 20;
const NAMED_JOBS = 3;

/** The names of all clients that have, or had, events in this Redis. @throws errors of Redis */
export async function findQueuedClients(redis: Redis): Promise<string[]> {
  const ending = `:${DELIVERIES}:meta`;
  const pattern = `${clientPrefix('*')}${ending}`;
  const names = new Set<string>();
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT);
    cursor = next;
    for (const key of keys) {
      const name = /^\{wb:(.*)\}$/.exec(key.slice(0, -ending.length))?.[1];
      if (name !== undefined) names.add(name);
    }
  } while (cursor !== '0');
  return [...names].sort();
}

/** Events of a client by their type, in the first thousand jobs of each state. */
export interface TypeSample {
  readonly eventsByType: ReadonlyMap<string, number>;
  /** Whether there were no more jobs than that. */
  readonly isAll: boolean;
}

/** Samples the types of the events that a client has waiting, open or due for a retry. @throws errors of Redis */
export async function sampleTypes(redis: Redis, client: string): Promise<TypeSample> {
  const prefix = queuePrefix(client, DELIVERIES);
  const eventsByType = new Map<string, number>();
  const states = await Promise.all([
    redis.lrange(`${prefix}wait`, 0, SAMPLED_JOBS),
    redis.lrange(`${prefix}active`, 0, SAMPLED_JOBS),
    redis.zrange(`${prefix}prioritized`, '0', String(SAMPLED_JOBS)),
    redis.zrange(`${prefix}delayed`, '0', String(SAMPLED_JOBS)),
  ]);
  const ids = states.flatMap((state) => state.slice(0, SAMPLED_JOBS));
  for (let from = 0; from < ids.length; from += JOBS_A_READ) {
    const some = ids.slice(from, from + JOBS_A_READ);
    const jobs = await Promise.all(some.map((id) => redis.hget(`${prefix}${id}`, 'data')));
    for (const data of jobs) if (data !== null) countTypes(data, eventsByType);
  }
  return { eventsByType, isAll: states.every((state) => state.length <= SAMPLED_JOBS) };
}

function countTypes(data: string, counts: Map<string, number>): void {
  for (const { type } of (JSON.parse(data) as Batch).events) counts.set(type, (counts.get(type) ?? 0) + 1);
}

/** A job that failed by a fault of Waybill's own. */
export interface BrokenJob {
  readonly id: string;
  readonly reason: string;
}

/** The first few of a client's jobs that failed by a fault of Waybill's own. @throws errors of Redis */
export async function readBrokenJobs(redis: Redis, client: string): Promise<BrokenJob[]> {
  const prefix = queuePrefix(client, DELIVERIES);
  const ids = await redis.zrange(`${prefix}failed`, '0', String(NAMED_JOBS - 1));
  return Promise.all(
    ids.map(async (id) => ({ id, reason: (await redis.hget(`${prefix}${id}`, 'failedReason')) ?? '' })),
  );
}
