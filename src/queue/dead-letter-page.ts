import type { Redis } from 'ioredis';
import type { StoredEvent } from '../core/event.ts';
import { defineScript } from './define-script.ts';
import { DEAD_LETTERS, queuePrefix } from './names.ts';

/**
 * One answer for all of them: one for each would double what reading costs the reader.
 *
 * KEYS  sorted set of the dead letters
 * ARGV  dead-letters prefix, positions from, how many at the most
 * Returns n × (data, '' where it was removed, position).
 */
const READ_PAGE = `
local page = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
for i = 1, #page, 2 do page[i] = redis.call('HGET', ARGV[1] .. page[i], 'data') or '' end
return page
`;

const readPageScript = defineScript('read-dead-letters', READ_PAGE);

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
  const found = (await readPageScript(redis, [`${prefix}prioritized`], [prefix, from, count])) as string[];
  const letters: PlacedDeadLetter[] = [];
  for (let i = 0; i < found.length; i += 2) {
    const [data = '', position = ''] = [found[i], found[i + 1]];
    // Removed since: it is left out.
    if (data !== '') letters.push({ event: JSON.parse(data) as StoredEvent, position });
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
