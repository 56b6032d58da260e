import type { Redis } from 'ioredis';
import type { Batch, StoredEvent } from '../core/event.ts';
import { decodeData } from './admit.ts';
import { defineScript } from './define-script.ts';
import { READ_JOBS } from './scripts/find-event.ts';

const readScript = defineScript('read-jobs', READ_JOBS);

/** How many jobs are noted of each place; this takes Redis 0.2 to 0.4 ms. */
export const NOTED_JOBS = 4_000;
const IDS_A_PAGE = 1_000;
/** Redis reads this number of small jobs in about a millisecond. */
const JOBS_A_READ = 200;
/** The length of a batch's id. A longer one is `<event id>.<life>.<attempt>`, of a job with a single event. */
const ID_LENGTH = 36;

/** Where a queue has its jobs. They go from the sorted sets to `wait`, so that comes after them. */
const PLACES = ['active', 'delayed', 'prioritized', 'failed', 'wait'];

/** An event that was found in a job. */
export interface FoundEvent {
  readonly event: StoredEvent;
  /** ms since the epoch; absent: the job is not delayed. */
  readonly dueAt?: number;
}

/** What to search for, and the beginning of the keys of the queue to search. */
interface Search {
  readonly redis: Redis;
  readonly prefix: string;
  readonly id: string;
}

/**
 * Searches the jobs of one queue for an event.
 *
 * A job keeps its id wherever it moves, so a noted job cannot be missed. One step notes all open jobs, and the 4,000
 * of each other place that leave it first. The others are read page by page, from the job that leaves last to those
 * that are noted. If no noted one is still there by then, others may have left, too, before they were read.
 *
 * @returns absent: no job held the event when the search began, or the event has left its job since; overtaken: jobs
 *   left their places faster than they were read, and the search may have missed one
 */
export async function searchQueue(search: Search): Promise<FoundEvent | 'absent' | 'overtaken'> {
  const noted = await readIds(search, PLACES, -NOTED_JOBS, -1);
  const found = await readJobs(search, noted.flat());
  if (found !== undefined) return found;
  let isOvertaken = false;
  for (const [n, place] of PLACES.entries()) {
    const ids = noted[n] ?? [];
    if (place === 'active' || ids.length < NOTED_JOBS) continue;
    const result = await searchRemainder(search, place, ids[0] ?? '');
    if (typeof result === 'object') return result;
    isOvertaken ||= result === 'overtaken';
  }
  return isOvertaken ? 'overtaken' : 'absent';
}

/** Reads ids in one step: of all open jobs; of each other place from one position to another, the last to leave first. */
async function readIds({ redis, prefix }: Search, places: readonly string[], from: number, to: number) {
  const step = redis.multi();
  for (const place of places) {
    const key = prefix + place;
    if (place === 'active') step.lrange(key, 0, -1);
    else if (place === 'wait') step.lrange(key, from, to);
    else step.zrange(key, String(from), String(to), 'REV');
  }
  return ((await step.exec()) ?? []).map(([error, ids]) => {
    if (error !== null) throw error;
    return ids as string[];
  });
}

/** Reads the jobs of one place that leave it after a noted one. */
async function searchRemainder(search: Search, place: string, noted: string) {
  for (let from = 0; ; from += IDS_A_PAGE) {
    const [page = []] = await readIds(search, [place], from, from + IDS_A_PAGE - 1);
    const found = await readJobs(search, page);
    if (found !== undefined) return found;
    if (page.includes(noted)) return 'absent';
    if (page.length < IDS_A_PAGE) return 'overtaken';
  }
}

/** Reads the jobs with these ids; each call takes Redis about a millisecond. */
async function readJobs({ redis, prefix, id }: Search, ids: string[]): Promise<FoundEvent | undefined> {
  const jobs = ids.filter((job) => job.length <= ID_LENGTH || job.startsWith(id));
  for (let from = 0; from < jobs.length; ) {
    const some = jobs.slice(from, from + JOBS_A_READ);
    const answer = await readScript(redis, [`${prefix}delayed`], [prefix, id, ...some]);
    const [count, data = '', score = ''] = answer as [count: number, data?: string, score?: string];
    const found = findInJob(data, score, id);
    if (found !== undefined) return found;
    from += count;
  }
  return undefined;
}

/**
 * Finds an event in the data of a job; not if its id stands in a payload only, or if the data is no batch.
 *
 * @param score of the job in `delayed`; '': it is not delayed
 */
export function findInJob(data: string, score: string, id: string): FoundEvent | undefined {
  const { events } = (decodeData(data) ?? {}) as Partial<Batch>;
  const event = Array.isArray(events) ? (events as StoredEvent[]).find((one) => one.id === id) : undefined;
  if (event === undefined) return undefined;
  // The lowest 12 bits of BullMQ's score number the jobs of one millisecond.
  return score === '' ? { event } : { event, dueAt: Math.floor(Number(score) / 0x1000) };
}
