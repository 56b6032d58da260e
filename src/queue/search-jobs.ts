import type { Batch, StoredEvent } from '../core/event.ts';
import { decodeData } from './admit.ts';
import { defineScript } from './define-script.ts';
import { READ_JOBS } from './scripts/find-event.ts';
import type { Connection } from './servers.ts';

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
export interface JobSearch {
  readonly redis: Connection;
  readonly prefix: string;
  /** A text that stands in the data of each job that may hold a wanted event. */
  readonly text: string;
  /** The only event that is wanted, if it is one: most jobs of other single events are passed over by their names. */
  readonly id?: string;
  isWanted(event: StoredEvent): boolean;
  /** Jobs left their places faster than they were read, and the search may have missed one. */
  onOvertaken(): void;
}

/** Searches the jobs of one queue for one event; undefined: there is none, or it has left its job since. */
export async function searchForOne(search: Omit<JobSearch, 'text' | 'isWanted'> & { readonly id: string }) {
  const { id } = search;
  // JSON has fewer hyphens than digits, so a text that begins with one is found faster.
  const found = searchQueue({ ...search, text: id.slice(13), isWanted: (event) => event.id === id });
  for await (const [first] of found) if (first !== undefined) return first;
  return undefined;
}

/**
 * Searches the jobs of one queue for events.
 *
 * A job keeps its id wherever it moves, so a noted job cannot be missed. One step notes all open jobs, and the 4,000
 * of each other place that leave it first. The others are read page by page, from the job that leaves last to those
 * that are noted. If no noted one is still there by then, others may have left, too, before they were read.
 */
export async function* searchQueue(search: JobSearch): AsyncGenerator<readonly FoundEvent[]> {
  const noted = await readIds(search, PLACES, -NOTED_JOBS, -1);
  yield* readJobs(search, noted.flat());
  for (const [n, place] of PLACES.entries()) {
    const ids = noted[n] ?? [];
    if (place !== 'active' && ids.length === NOTED_JOBS) yield* searchRemainder(search, place, ids);
  }
}

/** Reads ids in one step: of all open jobs; of each other place from one position to another, the last to leave first. */
async function readIds({ redis, prefix }: JobSearch, places: readonly string[], from: number, to: number) {
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

/** Reads the jobs of one place that leave it after the noted ones. */
async function* searchRemainder(
  search: JobSearch,
  place: string,
  noted: readonly string[],
): AsyncGenerator<readonly FoundEvent[]> {
  const [last = ''] = noted;
  for (let from = 0; ; from += IDS_A_PAGE) {
    const [page = []] = await readIds(search, [place], from, from + IDS_A_PAGE - 1);
    const end = page.indexOf(last);
    yield* readJobs(search, end < 0 ? page : page.slice(0, end));
    if (end >= 0) return;
    if (page.length < IDS_A_PAGE) return search.onOvertaken();
  }
}

/** Reads the jobs with these ids; each call takes Redis about a millisecond. */
async function* readJobs(search: JobSearch, ids: readonly string[]): AsyncGenerator<readonly FoundEvent[]> {
  const { redis, prefix, id, text } = search;
  const jobs = ids.filter((job) => id === undefined || job.length <= ID_LENGTH || job.startsWith(id));
  for (let from = 0; from < jobs.length; ) {
    const some = jobs.slice(from, from + JOBS_A_READ);
    const answer = await readScript(redis, [`${prefix}delayed`], [prefix, text, ...some]);
    const [count, ...read] = answer as [count: number, ...read: string[]];
    const found: FoundEvent[] = [];
    for (let i = 0; i < read.length; i += 2) found.push(...eventsOf(read[i] ?? '', read[i + 1] ?? ''));
    yield found.filter(({ event }) => search.isWanted(event));
    from += count;
  }
}

/**
 * The events in the data of a job; none if the data is no batch.
 *
 * @param score of the job in `delayed`; '': it is not delayed
 */
export function eventsOf(data: string, score: string): FoundEvent[] {
  const { events } = (decodeData(data) ?? {}) as Partial<Batch>;
  if (!Array.isArray(events)) return [];
  // The lowest 12 bits of BullMQ's score number the jobs of one millisecond.
  const due = score === '' ? {} : { dueAt: Math.floor(Number(score) / 0x1000) };
  return (events as StoredEvent[]).map((event) => ({ event, ...due }));
}
