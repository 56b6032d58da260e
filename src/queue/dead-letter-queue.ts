import type { Redis } from 'ioredis';
import type { DeadLetterFilter } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';
import { readDeadLetterPage } from './dead-letter-page.ts';
import { defineScript } from './define-script.ts';
import { deadLetterJobId, deadLettersPrefix, deliveriesPrefix, incidentsKey, statsKey } from './names.ts';
import { DISCARD, REPLAY } from './scripts/replay.ts';

const replayScript = defineScript('replay', REPLAY);
const discardScript = defineScript('discard', DISCARD);

const PAGE = 500;

/**
 * Reads a client's dead letters page by page, oldest first, in bounded memory. Those that are removed
 * meanwhile are left out; those that are added meanwhile may come at the end.
 *
 * @param filter most of those that it does not mean are left out, and a page may be empty
 * @throws errors of Redis
 */
export async function* readDeadLetters(
  redis: Redis,
  client: string,
  filter: DeadLetterFilter = {},
): AsyncGenerator<readonly StoredEvent[]> {
  let after: string | undefined;
  for (;;) {
    const page = await readDeadLetterPage(redis, client, PAGE, after, filter);
    if (page.end === undefined) return;
    after = page.end;
    yield page.letters.map(({ event }) => event);
  }
}

/** The event at the beginning of its next life: all retries again, the same id, the same bytes. */
function reborn(event: StoredEvent): StoredEvent {
  const { id, type, unit, body, life = 0 } = event;
  return { id, type, unit, body, life: life + 1 };
}

/**
 * Puts dead letters back into delivery as one batch for each endpoint, in one step; those that no longer exist are left out.
 *
 * @returns how many were replayed
 * @throws errors of Redis
 */
export async function replayDeadLetters(
  redis: Redis,
  client: string,
  batchId: string,
  events: readonly StoredEvent[],
  now: number,
): Promise<number> {
  const args = [deliveriesPrefix(client), deadLettersPrefix(client), batchId, now];
  for (const event of events) {
    args.push(deadLetterJobId(event), JSON.stringify(reborn(event)), event.type);
  }
  return Number(await replayScript(redis, [statsKey(client), incidentsKey(client)], args));
}

/** Removes dead letters for good. @returns how many there were. @throws errors of Redis */
export async function discardDeadLetters(
  redis: Redis,
  client: string,
  events: readonly StoredEvent[],
): Promise<number> {
  const args = [
    deadLettersPrefix(client),
    ...events.flatMap((event) => [deadLetterJobId(event), event.type]),
  ];
  return Number(await discardScript(redis, [statsKey(client), incidentsKey(client)], args));
}
