import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FAILURE_CLASSES } from '../../src/core/attempt-result.ts';
import { type DeadLetterFilter, matchesFilter } from '../../src/core/dead-letter-filter.ts';
import type { HistoryEntry, StoredEvent } from '../../src/core/event.ts';
import { findDeadLetters } from '../../src/dead-letters/find-dead-letters.ts';
import { readDeadLetters } from '../../src/queue/dead-letters.ts';
import { deadLetterJobId, deadLettersPrefix } from '../../src/queue/names.ts';

import { testRedis, uniqueClientName } from '../support/redis.ts';

const SEED = 7;

/** Texts that look like what is searched for, in places where it means nothing. */
const DECOY =
  '"type":"inventory_receipt","unit":"unit-1","history":[[1,422,"timeout",3]],"history":[[2,503,"tls",3]],"expiredAt":1005,';
const TYPES = ['disposition_update', 'inventory_receipt'];
const UNITS = ['unit-1', 'unit-12', 'ünit/\u2028"\\1', `${DECOY}`, '%w+', '\ud83d\ude00'];
const STATUSES = ['404', '422', '4xx', '5xx', '9xx', ...FAILURE_CLASSES];

const entries: fc.Arbitrary<HistoryEntry> = fc.tuple(
  fc.integer({ min: 1_000, max: 1_010 }),
  fc.constantFrom(0, 301, 404, 422, 499, 500, 503, 999),
  fc.constantFrom(...FAILURE_CLASSES),
  fc.nat(2 ** 31),
);
const attempted: fc.Arbitrary<StoredEvent> = fc.record(
  {
    id: fc.uuid(),
    type: fc.constantFrom(...TYPES),
    unit: fc.constantFrom(...UNITS),
    body: fc.constantFrom('{}', JSON.stringify({ unit: DECOY }), `{${DECOY}}`),
    life: fc.nat(3),
    history: fc.array(entries, { minLength: 1, maxLength: 6 }),
    response: fc.constantFrom('', DECOY, `[[1,422,"timeout",3]]`),
    expiredAt: fc.integer({ min: 1_000, max: 1_010 }),
  },
  { requiredKeys: ['id', 'type', 'unit', 'body', 'history'] },
);
/** An event that expired may never have been sent. */
const letters = fc.tuple(attempted, fc.boolean()).map(([letter, isUnsent]): StoredEvent => {
  const { history, ...unsent } = letter;
  return isUnsent && unsent.expiredAt !== undefined ? unsent : letter;
});
const filters: fc.Arbitrary<DeadLetterFilter> = fc.record(
  {
    type: fc.constantFrom(...TYPES),
    unit: fc.constantFrom(...UNITS),
    status: fc.constantFrom(...STATUSES),
    since: fc.integer({ min: 999, max: 1_011 }),
    until: fc.integer({ min: 999, max: 1_011 }),
    failedSince: fc.integer({ min: 999, max: 1_011 }),
    failedUntil: fc.integer({ min: 999, max: 1_011 }),
  },
  { requiredKeys: [] },
);

async function withLetters(events: readonly StoredEvent[]) {
  const redis = testRedis();
  const client = uniqueClientName();
  const prefix = deadLettersPrefix(client);
  const pipeline = redis.pipeline();
  for (const [n, event] of events.entries()) {
    pipeline.zadd(`${prefix}prioritized`, 2 ** 32 + n, deadLetterJobId(event));
    pipeline.hset(`${prefix}${deadLetterJobId(event)}`, 'data', JSON.stringify(event));
  }
  await pipeline.exec();
  const read = async (filter: DeadLetterFilter): Promise<StoredEvent[]> => {
    const found: StoredEvent[] = [];
    for await (const page of readDeadLetters(redis, client, filter)) found.push(...page);
    return found;
  };
  return { redis, client, read };
}

test('Redis leaves out what a filter does not mean, and nothing else', async () => {
  // More than one page.
  const events = fc.sample(letters, { numRuns: 700, seed: SEED });
  const { read } = await withLetters(events);
  const some = [
    {},
    ...events.slice(0, 3).map(({ id }) => ({ id })),
    { id: events[0]?.id.slice(0, -1) ?? '' },
  ];
  for (const filter of [...some, ...fc.sample(filters, { numRuns: 200, seed: SEED })]) {
    const meant = events.filter((event) => matchesFilter(event, filter)).map(({ id }) => id);
    expect(
      (await read(filter)).map(({ id }) => id),
      JSON.stringify(filter),
    ).toEqual(meant);
  }
});

test('what Redis cannot read is left to the reader to judge', async () => {
  const odd = { id: 'a', type: 'disposition_update', unit: 'u', body: '{}' };
  const fractional = { ...odd, id: 'b', history: [[1.5, 422, 'client_error', 3]] as const };
  const { redis, client, read } = await withLetters([odd, { ...odd, id: 'c', history: [] }, fractional]);
  expect((await read({ status: '422' })).map(({ id }) => id)).toEqual(['a', 'c', 'b']);
  expect((await read({ failedSince: 1, failedUntil: 2 })).map(({ id }) => id)).toEqual(['c', 'b']);
  const found: string[] = [];
  const pages = findDeadLetters((name, filter) => readDeadLetters(redis, name, filter), [client], {
    status: '422',
  });
  for await (const page of pages) found.push(...page.map(({ event }) => event.id));
  expect(found).toEqual(['b']);
});
