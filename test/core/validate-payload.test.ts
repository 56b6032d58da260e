import { describe, expect, test } from 'vitest';
import { EVENT_TYPES, findEventType } from '../../src/core/event-types.ts';
import { seededRandom } from '../../src/core/seeded-random.ts';
import { validatePayload } from '../../src/core/validate-payload.ts';

test('says every problem at once, each with its path, as sentences', () => {
  const type = findEventType('inventory_receipt');
  const payload = {
    ...type.sample,
    to: { identifier: 'abc', type: 'Store' },
    initial_condition: 'Z',
    unit_identifier: '',
    upc: 1e20,
    merchant: ['Acme'],
  };
  expect(validatePayload(type, payload)).toEqual({
    ok: false,
    problems: [
      { path: '$.to.identifier', message: 'must be an integer, found "abc"' },
      { path: '$.to.original_identifier', message: 'is required' },
      { path: '$.unit_identifier', message: 'must not be empty: it identifies the unit' },
      { path: '$.initial_condition', message: 'must be one of N, TT, R, A, B, C, X, found "Z"' },
      {
        path: '$.upc',
        message:
          'must be a string, found the number 100000000000000000000: beyond 2^53-1 its digits are already lost, so give it in quotes',
      },
      { path: '$.merchant', message: 'must be a string, found an array' },
    ],
  });
});

test('takes a type that is only known at run time', () => {
  const type = findEventType(String('disposition_update'));
  if (type === undefined) throw new Error('not found');
  expect(validatePayload(type, type.sample)).toMatchObject({ ok: true, unit: 'LPAA1234567' });
});

test('a payload whose own getters and proxies throw is refused', () => {
  const type = findEventType('inventory_receipt');
  const throwing = {
    get extra(): unknown {
      throw new Error('x'.repeat(10_000));
    },
  };
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  for (const payload of [
    { ...type.sample, extra: proxy },
    { ...type.sample, from: proxy },
    Object.assign(throwing, type.sample),
    proxy,
  ]) {
    expect(validatePayload(type, payload)).toEqual({
      ok: false,
      problems: [{ path: '$', message: 'cannot be read: one of its fields throws an error' }],
    });
  }
});

test('a field is at most 1 MiB long', () => {
  const type = findEventType('disposition_update');
  const sku = 'x'.repeat(1024 * 1024);
  expect(validatePayload(type, { ...type.sample, sku }).ok).toBe(true);
  expect(validatePayload(type, { ...type.sample, sku: `${sku}x`, timestamp: `${sku}x` })).toEqual({
    ok: false,
    problems: ['$.timestamp', '$.sku'].map((path) => ({ path, message: 'is longer than 1 MiB' })),
  });
});

describe.each(EVENT_TYPES.map((type) => [type.name, type] as const))('%s', (name) => {
  test('the given payload is not changed', () => {
    const type = findEventType(name as string);
    if (type === undefined) throw new Error('not found');
    const given = structuredClone(type.sample);
    validatePayload(type, given);
    expect(given).toEqual(type.sample);
  });

  test('generated payloads go out and come in again unchanged', () => {
    const type = findEventType(name as string);
    if (type === undefined) throw new Error('not found');
    const random = seededRandom(7);
    for (let n = 0; n < 200; n++) {
      const first = validatePayload(type, type.generate(n, random));
      if (!first.ok) throw new Error(JSON.stringify(first.problems));
      expect(validatePayload(type, JSON.parse(JSON.stringify(first.payload)))).toEqual(first);
    }
  });
});
