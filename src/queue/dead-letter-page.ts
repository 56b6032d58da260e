import type { Redis } from 'ioredis';
import type { StoredEvent } from '../core/event.ts';
import { DEAD_LETTERS, queuePrefix } from './names.ts';

/** A dead letter with its place in the order that they came in. */
export interface PlacedDeadLetter {
  readonly event: StoredEvent;
  readonly position: string;
}

/** Some of a client's dead letters, oldest first. */
export interface DeadLetterPage {
  readonly letters: readonly PlacedDeadLetter[];
  /** The position to go on behind; undefined: there were no more. */
  readonly end: string | undefined;
}

/**
 * Reads at most `count` of a client's dead letters behind a position. A position stays where it is, whatever comes
 * and goes around it: no letter is met twice or passed over.
 *
 * @param after absent: from the oldest on
 * @throws errors of Redis
 */
export async function readDeadLetterPage(
  redis: Redis,
  client: string,
  count: number,
  after?: string,
): Promise<DeadLetterPage> {
  const prefix = queuePrefix(client, DEAD_LETTERS);
  const from = after === undefined ? '-inf' : `(${after}`;
  const key = `${prefix}prioritized`;
  const found = await redis.zrangebyscore(key, from, '+inf', 'WITHSCORES', 'LIMIT', 0, count);
  const pipeline = redis.pipeline();
  for (let i = 0; i < found.length; i += 2) pipeline.hget(`${prefix}${found[i]}`, 'data');
  const letters: PlacedDeadLetter[] = [];
  for (const [i, [error, data]] of ((await pipeline.exec()) ?? []).entries()) {
    if (error !== null) throw error;
    // Removed since: it is left out.
    if (typeof data !== 'string') continue;
    letters.push({ event: JSON.parse(data) as StoredEvent, position: found[i * 2 + 1] ?? '' });
  }
  return { letters, end: found.at(-1) };
}

/** An event that was replayed more often is not found by its id. */
const MOST_LIVES = 32;

/**
 * Finds dead letters of a client by the ids of their events, without reading any others.
 *
 * @throws errors of Redis
 */
export async function readDeadLettersById(
  redis: Redis,
  client: string,
  ids: readonly string[],
): Promise<StoredEvent[]> {
  const prefix = queuePrefix(client, DEAD_LETTERS);
  const pipeline = redis.pipeline();
  for (const id of ids) {
    for (let life = 0; life < MOST_LIVES; life++) pipeline.hget(`${prefix}${id}.${life}`, 'data');
  }
  const events: StoredEvent[] = [];
  for (const [error, data] of (await pipeline.exec()) ?? []) {
    if (error !== null) throw error;
    if (typeof data === 'string') events.push(JSON.parse(data) as StoredEvent);
  }
  return events;
}
