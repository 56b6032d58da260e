import type { Redis } from 'ioredis';
import type { Batch, StoredEvent } from '../core/event.ts';
import { decodeData } from './admit.ts';
import { readDeadLetterPage } from './dead-letters.ts';
import { clientPrefix, endpointPrefix, statsKey } from './names.ts';

const SCAN_COUNT = 1_000;
const NAMED_JOBS = 3;
const SOME_JOBS = 3;

/** The names of all clients that have, or had, events in this Redis. */
export async function findStoredClients(redis: Redis): Promise<string[]> {
  const names = new Set<string>();
  for await (const keys of scan(redis, statsKey('*'))) {
    for (const key of keys) {
      const name = /^\{wb:(.*)\}/.exec(key)?.[1];
      if (name !== undefined) names.add(name);
    }
  }
  return [...names].sort();
}

/**
 * Deletes all that Redis knows of a client: queues, dead letters, counters. For clients that were made up; nothing
 * may be at work for it any more.
 */
export async function forgetClient(redis: Redis, client: string): Promise<void> {
  for await (const keys of scan(redis, `${clientPrefix(client)}:*`)) {
    if (keys.length > 0) await redis.unlink(...keys);
  }
}

function scan(redis: Redis, match: string): AsyncIterable<string[]> {
  return redis.scanStream({ match, count: SCAN_COUNT });
}

/** The first few of a client's jobs that failed by a fault of Waybill's own, in the queues of these event types. */
export async function readBrokenJobs(
  redis: Redis,
  client: string,
  types: readonly string[],
): Promise<{ readonly id: string; readonly reason: string }[]> {
  const jobs: { id: string; reason: string }[] = [];
  for (const type of types) {
    const prefix = endpointPrefix({ client, type });
    for (const id of await redis.zrange(`${prefix}failed`, '0', String(NAMED_JOBS - 1))) {
      jobs.push({ id, reason: (await redis.hget(prefix + id, 'failedReason')) ?? '' });
    }
  }
  return jobs.slice(0, NAMED_JOBS);
}

/** Some events of an endpoint that are at hand: of batches that wait or are retried, and of the first dead letters. */
export async function readSomeEvents(redis: Redis, client: string, type: string): Promise<StoredEvent[]> {
  const prefix = endpointPrefix({ client, type });
  const [waiting, delayed, { letters }] = await Promise.all([
    redis.lrange(`${prefix}wait`, -SOME_JOBS, -1),
    redis.zrange(`${prefix}delayed`, 0, String(SOME_JOBS - 1)),
    readDeadLetterPage(redis, client, SOME_JOBS),
  ]);
  const texts = await Promise.all([...waiting, ...delayed].map((id) => redis.hget(`${prefix}${id}`, 'data')));
  const batches = texts.map((text) => decodeData(text ?? '') as Partial<Batch> | undefined);
  const queued = batches.flatMap((batch) => batch?.events ?? []);
  return [...queued, ...letters.map(({ event }) => event)].filter((event) => event.type === type);
}

/** How many worker processes deliver from this Redis now; undefined if it does not say. */
export async function countServices(redis: Redis): Promise<number | undefined> {
  try {
    const clients = String(await redis.client('LIST'));
    return clients.split('\n').filter((line) => / name=waybill-worker /.test(line)).length;
  } catch {
    return undefined;
  }
}
