import { expect, test } from 'vitest';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedis } from '../support/redis.ts';
import { startTestApi } from './api-fixture.ts';
import { addLetters, letter } from './dead-letters.ts';

failOnLeaks();

test('dead letters are grouped by what they died of, the largest group first', async () => {
  const api = await startTestApi();
  const client = api.name;
  const plain = { ...letter(6, 500), response: 'no field' };
  const named = { ...letter(7, 422), response: '{"errors":[{"field":"$.jane@acme.example","code":"x"}]}' };
  const letters = [...[0, 1, 2].map((n) => letter(n, 422)), letter(3, 0), letter(4, 0), plain, named];
  await addLetters(testRedis(), client, letters);
  const ask = async (query = '') => (await api.call('GET', `/v1/dead-letters/groups${query}`)).body;
  const [died, type] = [(s: number) => `2026-03-01T14:00:0${s}.000Z`, 'disposition_update'];
  const refused = { client, type, class: 'client_error', status: 422, field: '$.upc', code: 'invalid' };
  expect(await ask(`?client=${client}`)).toEqual({
    total: 7,
    complete: true,
    groups: [
      { ...refused, count: 3, oldest: died(0), newest: died(2) },
      { ...refused, class: 'timeout', status: null, count: 2, oldest: died(3), newest: died(4) },
      { ...refused, status: 500, field: null, code: null, count: 1, oldest: died(6), newest: died(6) },
      { ...refused, field: '$***', code: 'x', count: 1, oldest: died(7), newest: died(7) },
    ],
  });
  expect(await ask('?status=timeout')).toMatchObject({ total: 2, groups: [{ class: 'timeout', count: 2 }] });
  expect((await ask('?client=nobody')).code).toBe('UNKNOWN_CLIENT');
});
