import { expect, test } from 'vitest';
import type { StoredEvent } from '../../src/core/event.ts';
import { collectFailures } from '../../src/incidents/collect-failures.ts';
import { heapInUse } from '../fuzz/support/heap.ts';

const LETTERS = 100_000;
const PAGE = 500;

/** A hundred thousand dead letters, each with a unit and an answer of its own, as pages of a queue. */
async function* pages(): AsyncGenerator<readonly StoredEvent[]> {
  for (let from = 0; from < LETTERS; from += PAGE)
    yield Array.from({ length: PAGE }, (_, i) => letter(from + i));
}

function letter(n: number): StoredEvent {
  const errors = [{ field: `$.field_${n % 1_000}`, code: 'invalid' }];
  return {
    id: `id-${n}`,
    type: 'disposition_update',
    unit: `LP${n}`,
    body: '{}',
    history: [
      [1_000 + n, 503, 'server_error', 5],
      [2_000 + n, 422, 'client_error', 5],
    ],
    response: JSON.stringify({ message: `${n} ${'x'.repeat(500)}`, errors }),
  };
}

test('whatever there is of them, dead letters are summed up in little memory', async () => {
  const before = heapInUse();
  const [sum, ...others] = await collectFailures(pages(), () => true);
  expect((heapInUse() - before) / 1e6).toBeLessThan(10);
  expect(others).toEqual([]);
  expect(sum).toMatchObject({
    count: LETTERS,
    failingSince: 1_000,
    firstDied: 2_000,
    lastDied: 2_000 + LETTERS - 1,
    units: { count: 10_000, isMore: true },
    fields: { readFrom: 5_000, isAll: false },
  });
  expect(sum?.fields.errors).toHaveLength(200);
  expect(sum?.fields.errors[0]).toEqual({ field: '$.field_0', code: 'invalid', events: 5 });
  const [group] = sum?.groups ?? [];
  expect(group?.samples.map(({ unit }) => unit)).toEqual(['LP99999', 'LP99998', 'LP99997']);
  expect(group?.units).toHaveLength(20);
});

test('the field errors of a 422 name no person, and count as one if they differ by the name only', async () => {
  const refused = (login: string): StoredEvent => {
    const errors = [{ field: '$.user_login', code: `user ${login} is unknown` }];
    return {
      ...letter(0),
      body: JSON.stringify({ user_login: login }),
      response: JSON.stringify({ errors }),
    };
  };
  async function* two() {
    yield [refused('jdoe42'), refused('bo')];
  }
  const [sum] = await collectFailures(two(), () => true);
  expect(sum?.fields.errors).toEqual([{ field: '$.user_login', code: 'user *** is unknown', events: 2 }]);
});
