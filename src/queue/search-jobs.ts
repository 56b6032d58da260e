import type { Redis } from 'ioredis';
import { defineScript } from './define-script.ts';
import { DELIVERIES, queuePrefix } from './names.ts';
import { NARROW, SEARCH_JOBS } from './scripts/find-event.ts';

const searchScript = defineScript('search-jobs', SEARCH_JOBS);
const narrowScript = defineScript('narrow', NARROW);

/** Around where an event's batch should stand in a long list: so many jobs that are newer, and that are older. */
const NEAR = [40, 5] as const;
const FARTHER = [1_000, 200] as const;
/** As many jobs as may be put back to a list's end within a moment. */
const PUT_BACK = 1_000;
/** With fewer jobs there is no use in guessing, or in leaving any out. */
export const MANY_JOBS = 2_000;
/** The lists in which new batches wait; the latter while the client is paused. */
const LISTS = ['wait', 'paused'] as const;

/** A job that may hold the event that is looked for. */
export interface JobFound {
  /** JSON, as it was written. */
  readonly data: string;
  /** When it is due, ms since the epoch; absent: it waits for nothing. */
  readonly dueAt?: number;
}

interface Place {
  readonly prefix: string;
  readonly key: string;
  readonly kind: 'list' | 'set';
  /** In a list, the jobs to stop at. */
  readonly stopAt?: readonly string[];
  /** A part of a list, by positions; the end is excluded. */
  readonly range?: readonly [from: number, to: number];
}

type Answer = [next: string | number, unread: string[], ...found: string[]];

/** Reads all that may hold an event in one place, page by page; a page takes Redis about a millisecond. */
async function* searchPlace(redis: Redis, place: Place, id: string): AsyncGenerator<JobFound> {
  const { prefix, key, kind, stopAt = [], range: [from, to] = [0, Number.POSITIVE_INFINITY] } = place;
  let next: string | number = from;
  do {
    const args = [prefix, id, kind, next, ...stopAt];
    const [on, unread, ...found] = (await searchScript(redis, [key], args)) as Answer;
    yield* toJobs(found);
    yield* searchNamed(redis, prefix, unread, id);
    next = on;
  } while (Number(next) !== -1 && Number(next) < to);
}

/** As `searchPlace`, for jobs that are named. */
async function* searchNamed(
  redis: Redis,
  prefix: string,
  jobs: readonly string[],
  id: string,
): AsyncGenerator<JobFound> {
  for (let left = jobs; left.length > 0; ) {
    const answer = await searchScript(redis, [prefix], [prefix, id, 'named', 0, ...left]);
    const [, unread, ...found] = answer as Answer;
    yield* toJobs(found);
    left = unread;
  }
}

function* toJobs(found: readonly string[]): Generator<JobFound> {
  for (let i = 0; i < found.length; i += 2) yield toJob(found[i] ?? '', found[i + 1] ?? '');
}

/** A job's data, and the score that BullMQ gives it among the delayed ones; '' where it is not among them. */
export function toJob(data: string, score: string): JobFound {
  // BullMQ keeps 12 bits of the score for the order within a millisecond.
  return score === '' ? { data } : { data, dueAt: Math.floor(Number(score) / 0x1000) };
}

/** Reads the batches of a client that wait about where those made with an event do. @throws errors of Redis */
export async function* searchNearby(redis: Redis, client: string, id: string): AsyncGenerator<JobFound> {
  const prefix = queuePrefix(client, DELIVERIES);
  for (const [newer, older] of [NEAR, FARTHER]) {
    for (const name of LISTS) {
      const key = prefix + name;
      const at = Number(await narrowScript(redis, [key], [id]));
      const range = [Math.max(0, at - newer), at + older] as const;
      yield* searchPlace(redis, { prefix, key, kind: 'list', range }, id);
    }
  }
}

/**
 * The newest of the jobs that wait, where they are many: whoever has read them all needs to read only as far the
 * next time. Of few, one may have gone and come back meanwhile. @throws errors of Redis
 */
export async function readHeads(redis: Redis, client: string): Promise<string[]> {
  const prefix = queuePrefix(client, DELIVERIES);
  const heads = await Promise.all(
    LISTS.map(async (name) => {
      const isLong = (await redis.llen(prefix + name)) >= MANY_JOBS;
      return isLong ? redis.lindex(prefix + name, 0) : null;
    }),
  );
  return heads.filter((head) => head !== null);
}

/**
 * Reads all jobs of a client that may hold an event, in the order in which an event goes through them: one that
 * goes on meanwhile is met later. One that goes back may be missed: its retry is due, its batch is put back, the
 * client goes on after a pause.
 *
 * @param seen the heads of the lists before they were read the last time: what stood behind them is left out
 * @throws errors of Redis
 */
export async function* searchQueue(
  redis: Redis,
  client: string,
  id: string,
  seen: readonly string[] = [],
): AsyncGenerator<JobFound> {
  const prefix = queuePrefix(client, DELIVERIES);
  for (const name of LISTS) {
    const list: Place = { prefix, key: prefix + name, kind: 'list' };
    yield* searchPlace(redis, { ...list, stopAt: seen }, id);
    if (seen.length > 0) {
      const end = await redis.llen(list.key);
      yield* searchPlace(
        redis,
        { ...list, range: [Math.max(0, end - PUT_BACK), Number.POSITIVE_INFINITY] },
        id,
      );
    }
  }
  const set = (name: string): Place => ({ prefix, key: prefix + name, kind: 'set' });
  yield* searchPlace(redis, set('prioritized'), id);
  // Jobs leave the active ones from their midst, so that a page would skip some; there are few.
  const jobs = await redis.lrange(`${prefix}active`, 0, -1);
  yield* searchNamed(redis, prefix, jobs, id);
  yield* searchPlace(redis, set('delayed'), id);
  yield* searchPlace(redis, set('failed'), id);
}

/** Reads the dead letters, or other jobs, that wait in a queue by priority. @throws errors of Redis */
export function searchPrioritized(
  redis: Redis,
  client: string,
  queue: string,
  id: string,
): AsyncGenerator<JobFound> {
  const prefix = queuePrefix(client, queue);
  return searchPlace(redis, { prefix, key: `${prefix}prioritized`, kind: 'set' }, id);
}
