import { expect, test } from 'vitest';
import { clientNameSchema } from '../../src/config/client-config.ts';
import { failOnLeaks } from './leaks.ts';
import { testRedis, uniqueClientName } from './redis.ts';

failOnLeaks();

let opened: ReturnType<typeof testRedis> | undefined;

test('testRedis connects to the Redis of this run', async () => {
  opened = testRedis();
  const key = uniqueClientName();
  await opened.set(key, 'value', 'EX', 60);
  expect(await testRedis({ maxRetriesPerRequest: null, keyPrefix: key.slice(0, 5) }).get(key.slice(5))).toBe(
    'value',
  );
});

test('a connection is closed after its test, used or not', async () => {
  expect(opened?.status).toBe('end');
  testRedis();
});

test('client names are valid and never repeat', () => {
  const names = Array.from({ length: 100 }, () => uniqueClientName());
  expect(new Set(names).size).toBe(100);
  for (const name of names) expect(clientNameSchema.safeParse(name).success).toBe(true);
});
