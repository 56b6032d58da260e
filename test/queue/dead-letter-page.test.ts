import { expect, test } from 'vitest';
import { readDeadLetterPage } from '../../src/queue/dead-letters.ts';
import { deadLettersPrefix } from '../../src/queue/names.ts';
import { testRedis, uniqueClientName } from '../support/redis.ts';

test('pages go through all dead letters in their order, except letters removed just then', async () => {
  const redis = testRedis();
  const client = uniqueClientName();
  const prefix = deadLettersPrefix(client);
  for (const n of [1, 2, 3, 4, 5]) {
    await redis.zadd(`${prefix}prioritized`, 2 ** 32 + n, `id-${n}.0`);
    // The second is removed between the set and its data.
    if (n !== 2) await redis.hset(`${prefix}id-${n}.0`, 'data', JSON.stringify({ id: `id-${n}` }));
  }
  const first = await readDeadLetterPage(redis, client, 2);
  expect(first.letters).toEqual([{ event: { id: 'id-1' }, position: String(2 ** 32 + 1) }]);
  expect(first.end).toBe(String(2 ** 32 + 2));
  const second = await readDeadLetterPage(redis, client, 2, first.end);
  expect(second.letters.map(({ event }) => event.id)).toEqual(['id-3', 'id-4']);
  const third = await readDeadLetterPage(redis, client, 2, second.end);
  expect(third.letters.map(({ event }) => event.id)).toEqual(['id-5']);
  expect(await readDeadLetterPage(redis, client, 2, third.end)).toEqual({ letters: [], end: undefined });
});
