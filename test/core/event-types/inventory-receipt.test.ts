import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inventoryReceipt } from '../../../src/core/event-types/inventory-receipt.ts';
import { validatePayload } from '../../../src/core/validate-payload.ts';

const REQUIRED = [
  'program_identifier',
  'asn_number',
  'from',
  'to',
  'unit_identifier',
  'sku',
  'initial_condition',
  'initial_channel',
  'ot_user_login',
] as const;
const OPTIONAL_TEXTS = [
  'shipment_identifier',
  'carton_identifier',
  'line_identifier',
  'reference_line_identifier',
  'upc',
  'serial_number',
  'return_reason',
  'merchant',
  'concept',
  'asin',
  'tracking_number',
  'location_identifier',
  'client_unit_identifier',
  'reject_reason',
] as const;
const { sample } = inventoryReceipt;

function problemsOf(changes: object) {
  const result = validatePayload(inventoryReceipt, { ...sample, ...changes });
  return result.ok ? [] : result.problems;
}

function sentOf(payload: unknown): Record<string, unknown> {
  const result = validatePayload(inventoryReceipt, payload);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.payload;
}

test('the published sample passes, its bare numbers as the strings they spell', () => {
  expect(Object.keys(sample).sort()).toEqual([...REQUIRED, ...OPTIONAL_TEXTS, 'reference'].sort());
  expect(validatePayload(inventoryReceipt, sample)).toEqual({
    ok: true,
    unit: '123456891011',
    payload: {
      ...sample,
      unit_identifier: '123456891011',
      upc: '12345678905',
      line_identifier: '123456789',
      reference_line_identifier: '1',
      asin: '120029872',
    },
  });
});

test('200 means that the client already had it', () => {
  expect(inventoryReceipt.alreadyReceivedStatus).toBe(200);
});

test('every missing required field is named at once, in inner objects too', () => {
  const result = validatePayload(inventoryReceipt, { to: {}, from: {} });
  expect(result.ok ? [] : result.problems.map(({ path }) => path).sort()).toEqual(
    [
      ...REQUIRED.filter((field) => field !== 'to' && field !== 'from').map((field) => `$.${field}`),
      '$.from.identifier',
      '$.from.type',
      '$.to.identifier',
      '$.to.type',
      '$.to.original_identifier',
    ].sort(),
  );
  expect(problemsOf({ from: undefined, to: undefined })).toEqual([
    { path: '$.from', message: 'is required' },
    { path: '$.to', message: 'is required' },
  ]);
});

test('the optional fields may be left out; null is none of them', () => {
  const required = Object.fromEntries(REQUIRED.map((field) => [field, sample[field]]));
  expect(sentOf(required)).toEqual({ ...required, unit_identifier: '123456891011' });
  expect(problemsOf(Object.fromEntries(OPTIONAL_TEXTS.map((field) => [field, null])))).toEqual(
    OPTIONAL_TEXTS.map((field) => ({ path: `$.${field}`, message: 'must be a string, found null' })),
  );
  expect(problemsOf({ reference: null })).toEqual([
    { path: '$.reference', message: 'must be an object, found null' },
  ]);
});

test.each([
  ['1352', '"1352"'],
  ['abc', '"abc"'],
  [13.5, '13.5'],
  [Number.NaN, 'NaN'],
  [null, 'null'],
  [true, 'true'],
])('to.identifier must be an integer: %s', (identifier, found) => {
  expect(problemsOf({ to: { ...sample.to, identifier } })).toEqual([
    { path: '$.to.identifier', message: `must be an integer, found ${found}` },
  ]);
});

test.each([2 ** 53, -1e300])('to.identifier must be one that JSON carries exactly: %s', (identifier) => {
  expect(problemsOf({ to: { ...sample.to, identifier } })).toEqual([
    { path: '$.to.identifier', message: `must be an integer within 2^53-1, found ${identifier}` },
  ]);
});

test('the reference: a closed list of types, every field optional', () => {
  for (const type of ['StockTransferOrder', 'RA', 'RMA', 'ForwardOrder']) {
    expect(problemsOf({ reference: { type } })).toEqual([]);
  }
  expect(problemsOf({ reference: {} })).toEqual([]);
  expect(problemsOf({ reference: { type: 'PO', identifier: 12, alternate_identifier: false } })).toEqual([
    {
      path: '$.reference.type',
      message: 'must be one of StockTransferOrder, RA, RMA, ForwardOrder, found "PO"',
    },
    { path: '$.reference.alternate_identifier', message: 'must be a string, found false' },
  ]);
});

describe('other fields', () => {
  test('are kept as they came, in inner objects too', () => {
    const extra = { n: 12.5, list: [1, null, { 'odd key': 'x' }], constructor: 'c', toString: 1, '': 0 };
    const payload = {
      ...sample,
      ...extra,
      from: { ...sample.from, ...extra },
      to: { ...sample.to, ...extra },
      reference: { ...extra },
    };
    expect(sentOf(payload)).toMatchObject(extra);
    expect(sentOf(payload)).toMatchObject({ from: extra, to: extra, reference: extra });
  });

  test('named __proto__ are refused where they would be lost, with all other problems', () => {
    const text = JSON.stringify({ ...sample, sku: null }).replace('"to":{', '"to":{"__proto__":{"a":1},');
    const payload = JSON.parse(`{"__proto__":{"polluted":true},${text.slice(1)}`);
    const result = validatePayload(inventoryReceipt, payload);
    expect(result.ok ? [] : result.problems).toEqual([
      { path: '$.__proto__', message: 'is not a known field' },
      { path: '$.to.__proto__', message: 'is not a known field' },
      { path: '$.sku', message: 'must be a string, found null' },
    ]);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test('named __proto__ deeper down are nothing but data', () => {
    const extra = '{"inner":{"__proto__":{"a":1}}}';
    const sent = sentOf({ ...sample, extra: JSON.parse(extra) });
    expect(JSON.stringify(sent.extra)).toBe(extra);
    expect((sent.extra as { inner: { a?: number } }).inner.a).toBeUndefined();
  });

  test('must be JSON, so that they go out whole', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 70; level++) deep = [deep];
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    expect(
      problemsOf({
        a: Number.NaN,
        b: new Date(0),
        c: [undefined],
        d: 10n,
        e: { f: () => 1 },
        deep,
        circular,
      }),
    ).toEqual([
      { path: '$.a', message: 'holds NaN, which is not a JSON value' },
      { path: '$.b', message: 'holds an object of a class of its own, which is not a JSON value' },
      { path: '$.c', message: 'holds an array with an empty place, which JSON cannot carry' },
      { path: '$.d', message: 'holds a bigint, which is not a JSON value' },
      { path: '$.e', message: 'holds a function, which is not a JSON value' },
      { path: '$.deep', message: 'holds more than 64 levels of nesting' },
      { path: '$.circular', message: 'holds more than 64 levels of nesting' },
    ]);
  });
});

test('property: what is accepted goes out and comes in again unchanged, other fields included', () => {
  const known = new Set<string>([...REQUIRED, ...OPTIONAL_TEXTS, 'reference', '__proto__']);
  const others = fc.dictionary(
    fc.string({ unit: 'binary', size: 'small' }).filter((key) => !known.has(key)),
    fc.jsonValue({ depthSize: 'small' }),
  );
  fc.assert(
    fc.property(others, fc.string({ minLength: 1, unit: 'binary' }), (extra, unit) => {
      const result = validatePayload(inventoryReceipt, { ...sample, ...extra, unit_identifier: unit });
      if (!result.ok) throw new Error(JSON.stringify(result.problems));
      const onTheWire = JSON.stringify(result.payload);
      const again = validatePayload(inventoryReceipt, JSON.parse(onTheWire));
      expect(again.ok && again.unit).toBe(unit);
      expect(JSON.stringify(again.ok && again.payload)).toBe(onTheWire);
      const sent: Record<string, unknown> = result.payload;
      const kept = Object.fromEntries(Object.keys(extra).map((key) => [key, sent[key]]));
      expect(JSON.stringify(kept)).toBe(JSON.stringify(Object.fromEntries(Object.entries(extra))));
    }),
  );
});
