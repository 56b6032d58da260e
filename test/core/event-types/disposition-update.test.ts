import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dispositionUpdate } from '../../../src/core/event-types/disposition-update.ts';
import { validatePayload } from '../../../src/core/validate-payload.ts';

const REQUIRED = [
  'from_disposition',
  'to_disposition',
  'timestamp',
  'location_identifier',
  'warehouse_identifier',
  'optiturn_lp',
  'program_identifier',
  'upc',
  'from_condition',
  'to_condition',
] as const;
const OPTIONAL = [
  'from_sku',
  'to_sku',
  'sku',
  'reference_unit_identifier',
  'store_identifier',
  'user_login',
] as const;
const { sample } = dispositionUpdate;

function check(changes: object) {
  return validatePayload(dispositionUpdate, { ...sample, ...changes });
}

function problemsOf(payload: unknown) {
  const result = validatePayload(dispositionUpdate, payload);
  return result.ok ? [] : result.problems;
}

test('the published sample passes, and goes out as it is', () => {
  expect(validatePayload(dispositionUpdate, sample)).toEqual({
    ok: true,
    payload: sample,
    unit: 'LPAA1234567',
  });
  expect(Object.keys(sample).sort()).toEqual([...REQUIRED, ...OPTIONAL].sort());
});

test('every missing required field is named at once', () => {
  expect(problemsOf({})).toEqual(REQUIRED.map((field) => ({ path: `$.${field}`, message: 'is required' })));
});

test('every optional field may be left out, or be undefined', () => {
  const required = Object.fromEntries(REQUIRED.map((field) => [field, sample[field]]));
  expect(validatePayload(dispositionUpdate, required)).toMatchObject({ ok: true, payload: required });
  expect(check(Object.fromEntries(OPTIONAL.map((field) => [field, undefined])))).toMatchObject({ ok: true });
});

test.each([...REQUIRED, ...OPTIONAL])('%s is refused where it is null', (field) => {
  const problems = problemsOf({ ...sample, [field]: null });
  expect(problems).toHaveLength(1);
  expect(problems[0]?.path).toBe(`$.${field}`);
  expect(problems[0]?.message).toMatch(/^must be .*, found null$/);
});

test('each unknown field is a problem of its own', () => {
  const payload = JSON.parse(
    `{${JSON.stringify(sample).slice(1, -1)},"colour":"red","odd key":1,"__proto__":{"upc":"x"}}`,
  );
  expect(problemsOf(payload)).toEqual([
    { path: '$.colour', message: 'is not a known field' },
    { path: '$["odd key"]', message: 'is not a known field' },
    { path: '$.__proto__', message: 'is not a known field' },
  ]);
  expect(({} as { upc?: string }).upc).toBeUndefined();
});

test('conditions are a closed list', () => {
  for (const condition of ['N', 'TT', 'R', 'A', 'B', 'C', 'X']) {
    expect(check({ from_condition: condition, to_condition: condition }).ok).toBe(true);
  }
  expect(problemsOf({ ...sample, from_condition: 'Z', to_condition: 'n' })).toEqual([
    { path: '$.from_condition', message: 'must be one of N, TT, R, A, B, C, X, found "Z"' },
    { path: '$.to_condition', message: 'must be one of N, TT, R, A, B, C, X, found "n"' },
  ]);
});

test('dispositions are an open vocabulary', () => {
  expect(check({ from_disposition: 'needs_testing', to_disposition: 'something new' }).ok).toBe(true);
});

describe('the unit', () => {
  test('may be given as a number, and goes out as the string it spells', () => {
    expect(check({ optiturn_lp: 1234 })).toMatchObject({
      ok: true,
      unit: '1234',
      payload: { optiturn_lp: '1234' },
    });
  });

  test('must not be empty', () => {
    expect(problemsOf({ ...sample, optiturn_lp: '' })).toEqual([
      { path: '$.optiturn_lp', message: 'must not be empty: it identifies the unit' },
    ]);
  });
});

test('what is not an object is refused', () => {
  for (const [payload, found] of [
    [null, 'null'],
    [[], 'an array'],
    ['{}', '"{}"'],
    [7, '7'],
  ] as const) {
    expect(problemsOf(payload)).toEqual([{ path: '$', message: `must be an object, found ${found}` }]);
  }
});

test('property: any text goes out and comes in again unchanged', () => {
  const text = fc.string({ minLength: 1, unit: 'binary' });
  const isText = (field: string) => !/^timestamp$|_condition$/.test(field);
  const texts = fc.record(
    Object.fromEntries([...REQUIRED, ...OPTIONAL].filter(isText).map((field) => [field, text])),
    { requiredKeys: REQUIRED.filter(isText) },
  );
  fc.assert(
    fc.property(texts, (fields) => {
      const { timestamp, from_condition, to_condition } = sample;
      const payload = { ...fields, timestamp, from_condition, to_condition };
      const first = validatePayload(dispositionUpdate, payload);
      if (!first.ok) throw new Error(JSON.stringify(first.problems));
      const again = validatePayload(dispositionUpdate, JSON.parse(JSON.stringify(first.payload)));
      expect(first.payload).toEqual(payload);
      expect(again).toEqual(first);
    }),
  );
});
