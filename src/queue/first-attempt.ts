import type { Batch, StoredEvent } from '../core/event.ts';
import { decodeData } from './admit.ts';
import { deadLetterJobId, deadLettersPrefix, endpointPrefix } from './names.ts';
import type { Connection } from './servers.ts';

/** An event that was replayed as a batch of its own. */
export interface ReplayedEvent {
  readonly client: string;
  /** The id of the batch. */
  readonly jobId: string;
  /** As it was replayed, at the beginning of its new life. */
  readonly event: StoredEvent;
}

/** What became of a replayed event. `waiting`: no attempt is over; `failed`: `event` is as it stands since. */
export type FirstAttempt =
  | { readonly kind: 'waiting' | 'delivered' }
  | { readonly kind: 'failed'; readonly state: 'retrying' | 'dead'; readonly event: StoredEvent };

/** As many retries as the configuration allows. */
const MOST_RETRIES = 20;

/**
 * Finds out what became of the first attempt of a replayed event, in one round trip and without a search. An event that
 * is neither in a job nor a dead letter was delivered, whether deliveries are remembered or not; or discarded since.
 */
export async function readFirstAttempt(redis: Connection, replayed: ReplayedEvent): Promise<FirstAttempt> {
  const pipeline = redis.pipeline();
  // In the order in which an event moves: one that moves meanwhile is met at its next place.
  for (const key of placesOf(replayed)) pipeline.hget(key, 'data');
  const texts = ((await pipeline.exec()) ?? []).map(([error, text]) => {
    if (error !== null) throw error;
    return text as string | null;
  });
  const dead = texts.pop();
  if (typeof dead === 'string') {
    return { kind: 'failed', state: 'dead', event: JSON.parse(dead) as StoredEvent };
  }
  const job = texts.find((text) => text !== null);
  if (job == null) return { kind: 'delivered' };
  const { events = [] } = (decodeData(job) ?? {}) as Partial<Batch>;
  const event = events.find(({ id }) => id === replayed.event.id);
  if (event?.history === undefined) return { kind: 'waiting' };
  return { kind: 'failed', state: 'retrying', event };
}

/** The keys of the jobs that may hold the event: its batch, its retries apart, its dead letter. */
function placesOf({ client, jobId, event }: ReplayedEvent): string[] {
  const prefix = endpointPrefix({ client, type: event.type });
  const life = deadLetterJobId(event);
  // Named as `retryJobId` does.
  const retries = Array.from({ length: MOST_RETRIES }, (_, n) => `${prefix}${life}.${n + 1}`);
  return [prefix + jobId, ...retries, deadLettersPrefix(client) + life];
}
