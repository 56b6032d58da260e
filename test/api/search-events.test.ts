import { expect, test } from 'vitest';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedis } from '../support/redis.ts';
import { startTestApi } from './api-fixture.ts';
import { addLetters, letter } from './dead-letters.ts';

failOnLeaks();

test('events are found by unit and status, up to a limit, as the command finds them', async () => {
  const api = await startTestApi();
  const client = api.name;
  await addLetters(
    testRedis(),
    client,
    Array.from({ length: 30 }, (_, n) => letter(n, n < 20 ? 422 : 503)),
  );
  const find = async (query: string) => (await api.call('GET', `/v1/events?client=${client}${query}`)).body;

  const all = await find('');
  expect(all.complete).toBe(true);
  expect(all.events).toHaveLength(30);
  const some = await find('&status=5xx&outcome=dead&limit=4');
  expect(some.complete).toBe(false);
  expect(some.events).toHaveLength(4);
  expect(some.events[0]).toMatchObject({ client, state: 'dead', failedAttempts: [{ life: 0, status: 503 }] });
  const { unit } = all.events[3];
  expect(await find(`&unit=${encodeURIComponent(unit)}`)).toEqual({
    events: [all.events[3]],
    found: 1,
    complete: true,
  });
  expect(await find('&until=2020-01-01T00:00:00Z')).toEqual({ events: [], found: 0, complete: true });
});

test('a filter that is none is told with its place; a client that is not there, too', async () => {
  const api = await startTestApi();
  const outcome = await api.call('GET', '/v1/events?outcome=gone');
  expect(outcome.status).toBe(400);
  expect(outcome.body.errors).toMatchObject([{ path: 'query.outcome' }]);
  expect(await api.call('GET', '/v1/events?client=nobody')).toMatchObject({ status: 404 });
});
