import type { AuditNote } from '../core/audit.ts';
import type { DeadLetterFilter } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';
import { inNextLife } from '../core/history.ts';
import { auditKeys, auditText } from './audit.ts';
import { defineScript } from './define-script.ts';
import { packDiscarded } from './discarded.ts';
import { deadLetterJobId, deadLettersPrefix, deliveriesPrefix, incidentsKey, statsKey } from './names.ts';
import { READ_DEAD_LETTERS, toSieve } from './scripts/read-dead-letters.ts';
import { DISCARD, REPLAY } from './scripts/replay.ts';
import type { Connection } from './servers.ts';

const replayScript = defineScript('replay', REPLAY);
const readPageScript = defineScript('read-dead-letters', READ_DEAD_LETTERS);
const discardScript = defineScript('discard', DISCARD);

const PAGE = 500;

/**
 * Reads a client's dead letters page by page, oldest first, in bounded memory. Letters removed meanwhile are left out;
 * letters added meanwhile may come at the end.
 *
 * @param filter leaves out most letters that do not match; a page may be empty
 */
export async function* readDeadLetters(
  redis: Connection,
  client: string,
  filter: DeadLetterFilter = {},
): AsyncGenerator<readonly StoredEvent[]> {
  let page = await readDeadLetterPage(redis, client, PAGE, undefined, filter);
  while (page.end !== undefined) {
    yield page.letters.map(({ event }) => event);
    page = await readDeadLetterPage(redis, client, PAGE, page.end, filter);
  }
}

/** Some of a client's dead letters, oldest first. */
export interface DeadLetterPage {
  readonly letters: readonly { readonly event: StoredEvent; readonly position: string }[];
  /** The position to go on behind, of the last one that was looked at; undefined: there were no more. */
  readonly end: string | undefined;
}

/**
 * Looks at `count` of a client's dead letters, at most, behind a position. A position stays where it is when others
 * come and go: no letter is met twice or passed over.
 *
 * @param after absent: from the oldest on
 * @param filter Redis leaves out what surely does not match; whether the rest does is for `matchesFilter` to say
 */
export async function readDeadLetterPage(
  redis: Connection,
  client: string,
  count: number,
  after?: string,
  filter: DeadLetterFilter = {},
): Promise<DeadLetterPage> {
  const prefix = deadLettersPrefix(client);
  const from = after === undefined ? '-inf' : `(${after}`;
  const args = [prefix, from, count, JSON.stringify(toSieve(filter))];
  const [end = '', ...found] = (await readPageScript(redis, [`${prefix}prioritized`], args)) as string[];
  const letters: { event: StoredEvent; position: string }[] = [];
  for (let i = 0; i < found.length; i += 2) {
    const [data = '', position = ''] = [found[i], found[i + 1]];
    letters.push({ event: JSON.parse(data) as StoredEvent, position });
  }
  return { letters, end: end === '' ? undefined : end };
}

/** An event that was replayed more often is not found by its id. */
const MOST_LIVES = 32;

/** Finds dead letters of a client by the ids of their events, without reading any others. */
export async function readDeadLettersById(
  redis: Connection,
  client: string,
  ids: readonly string[],
): Promise<StoredEvent[]> {
  const prefix = deadLettersPrefix(client);
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

/**
 * Puts dead letters back into delivery as one batch for each endpoint, in one step: two replays at once cannot double
 * an event. Letters that no longer exist are left out.
 *
 * @param note who replays them, for the audit; all steps of one replay have the same
 * @returns how many were replayed
 */
export async function replayDeadLetters(
  redis: Connection,
  client: string,
  batchId: string,
  events: readonly StoredEvent[],
  now: number,
  note?: AuditNote,
): Promise<number> {
  const args = [deliveriesPrefix(client), deadLettersPrefix(client), batchId, now, auditText(note)];
  for (const event of events) {
    args.push(deadLetterJobId(event), JSON.stringify(inNextLife(event, now)), event.type);
  }
  const keys = [statsKey(client), incidentsKey(client), ...auditKeys(client, note)];
  return Number(await replayScript(redis, keys, args));
}

/**
 * Removes dead letters for good.
 *
 * @param note who discards them, for the audit; all steps of one discard have the same. Absent: nobody did, and the
 *   events are not remembered
 * @returns how many there were
 */
export async function discardDeadLetters(
  redis: Connection,
  client: string,
  events: readonly StoredEvent[],
  note?: AuditNote,
): Promise<number> {
  const letters = events.flatMap((event) => [deadLetterJobId(event), event.type, packDiscarded(event)]);
  const args = [deadLettersPrefix(client), auditText(note), JSON.stringify(note?.by ?? null), ...letters];
  const keys = [statsKey(client), incidentsKey(client), ...auditKeys(client, note)];
  return Number(await discardScript(redis, keys, args));
}
