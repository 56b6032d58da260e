import type { Redis } from 'ioredis';
import type { Batch, StoredEvent } from '../core/event.ts';
import { atMost } from '../core/time.ts';
import { decodeData } from './admit.ts';
import {
  connectedServer,
  DEFAULT_ANSWER_TIMEOUT_MS,
  expectAnswer,
  firstConnection,
  unavailable,
} from './connections.ts';
import { readDeadLetterPage } from './dead-letters.ts';
import { clientIn, clientPrefix, endpointPrefix, statsKey } from './names.ts';
import { type Connection, isCluster, serversOf } from './servers.ts';

const SCAN_COUNT = 1_000;
const NAMED_JOBS = 3;
const SOME_JOBS = 3;
/** How long a server may take to say who is connected to it. */
const COUNT_MS = 2_000;

/** The names of all clients that have, or had, events in this Redis. */
export async function findStoredClients(redis: Connection): Promise<string[]> {
  if (isCluster(redis)) await expectAnswer(redis);
  // A server that has handed a slot over may still list its keys.
  const names = new Set<string>();
  for (const server of serversOf(redis)) {
    for await (const keys of scan(server, statsKey('*'))) {
      for (const key of keys) if (key.startsWith('{wb:')) names.add(clientIn(key));
    }
  }
  return [...names].sort();
}

/**
 * Deletes all that Redis knows of a client: queues, dead letters, counters. For clients that were made up; nothing
 * may be at work for it any more.
 */
export async function forgetClient(redis: Connection, client: string): Promise<void> {
  if (isCluster(redis)) await expectAnswer(redis);
  const server = isCluster(redis) ? await connectedServer(redis, client) : redis;
  if (server === undefined) throw unavailable(redis);
  for await (const keys of scan(server, `${clientPrefix(client)}:*`)) {
    if (keys.length > 0) await server.unlink(...keys);
  }
}

function scan(redis: Redis, match: string): AsyncIterable<string[]> {
  return redis.scanStream({ match, count: SCAN_COUNT });
}

/** The first few of a client's jobs that failed by a fault of Waybill's own, in the queues of these event types. */
export async function readBrokenJobs(
  redis: Connection,
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
export async function readSomeEvents(
  redis: Connection,
  client: string,
  type: string,
): Promise<StoredEvent[]> {
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
export async function countServices(redis: Connection): Promise<number | undefined> {
  if (isCluster(redis)) await firstConnection(redis, DEFAULT_ANSWER_TIMEOUT_MS);
  const asked = serversOf(redis).map((server) => atMost(COUNT_MS, server.client('LIST')).catch(() => {}));
  // A worker is connected to each server of a Cluster that it can reach.
  const counts = (await Promise.all(asked)).flatMap((list) =>
    list === undefined ? [] : [String(list).match(/ name=waybill-worker /g)?.length ?? 0],
  );
  return counts.length === 0 ? undefined : Math.max(...counts);
}
