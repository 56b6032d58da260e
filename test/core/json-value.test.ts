import { describe, expect, test } from 'vitest';
import { copyJson } from '../../src/core/json-value.ts';

function reasonOf(value: unknown): string | undefined {
  const copy = copyJson(value);
  return copy.ok ? undefined : copy.reason;
}

test('a copy is equal, and has nothing in common with the original', () => {
  const inner = { list: [1, 'two', null, true, { deep: [] }], absent: undefined };
  const copy = copyJson(inner);
  expect(copy).toEqual({ ok: true, value: { list: [1, 'two', null, true, { deep: [] }] } });
  inner.list.push('later');
  expect(copy).toMatchObject({ value: { list: { length: 5 } } });
});

test('a key named __proto__ is data and sets no prototype', () => {
  const value = JSON.parse('{"__proto__":{"a":1},"constructor":{"prototype":{"b":2}}}') as object;
  const copy = copyJson(value) as { value: Record<string, unknown> };
  expect(JSON.stringify(copy.value)).toBe(JSON.stringify(value));
  expect(Object.getPrototypeOf(copy.value)).toBe(Object.prototype);
  expect(copy.value.a).toBeUndefined();
});

describe('what could say something else when it is written', () => {
  test('is read once: getters', () => {
    let reads = 0;
    const value = {
      get changing() {
        reads += 1;
        return reads === 1 ? 'first' : () => {};
      },
    };
    const copy = copyJson(value) as { value: object };
    expect(JSON.stringify(copy.value)).toBe('{"changing":"first"}');
    expect(reads).toBe(1);
  });

  test('is left behind: toJSON that is not among the keys, or stands at an array', () => {
    const hidden = Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 'other' });
    const list = Object.assign([1], { toJSON: () => 'other' });
    const copy = copyJson({ hidden, list }) as { value: object };
    expect(JSON.stringify(copy.value)).toBe('{"hidden":{"a":1},"list":[1]}');
  });
});

test('values that are met on very many ways end as too long, and soon', () => {
  let shared: unknown = ['x'];
  for (let level = 0; level < 60; level++) shared = [shared, shared];
  expect(reasonOf(shared)).toBe('is longer than 1 MiB');
  const text = 'x'.repeat(100_000);
  expect(reasonOf(Array(11).fill(text))).toBe('is longer than 1 MiB');
  expect(reasonOf(Array(9).fill(text))).toBeUndefined();
  expect(reasonOf({ ['k'.repeat(1_100_000)]: 1 })).toBe('is longer than 1 MiB');
});

test('an array without end, of a proxy', () => {
  const endless = new Proxy([], { get: (_, key) => (key === 'length' ? Number.MAX_SAFE_INTEGER : 1) });
  expect(reasonOf(endless)).toBe('is longer than 1 MiB');
  expect(reasonOf(new Array(4_000_000_000))).toBe(
    'holds an array with an empty place, which JSON cannot carry',
  );
});
