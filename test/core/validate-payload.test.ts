import { describe, expect, test } from 'vitest';
import { EVENT_TYPES, findEventType } from '../../src/core/event-types.ts';
import { generatePayload } from '../../src/core/generate-payload.ts';
import type { Problem } from '../../src/core/problem.ts';
import { seededRandom } from '../../src/core/random.ts';
import { validatePayload } from '../../src/core/validate-payload.ts';
import { processorMs } from '../support/process-time.ts';

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
      const first = validatePayload(type, generatePayload(type, n, random));
      if (!first.ok) throw new Error(JSON.stringify(first.problems));
      expect(validatePayload(type, JSON.parse(JSON.stringify(first.payload)))).toEqual(first);
    }
  });
});

describe('numbers as JSON spells them', () => {
  const type = findEventType('inventory_receipt');

  /** Validates the sample with some of its fields spelled in a way of their own. */
  function validateJson(fields: Readonly<Record<string, string>>) {
    const rest = Object.entries(type.sample).filter(([name]) => !Object.hasOwn(fields, name));
    const members = [
      ...rest.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`),
      ...Object.entries(fields).map(([name, json]) => `${JSON.stringify(name)}:${json}`),
    ];
    const text = `{${members.join(',')}}`;
    return validatePayload(type, JSON.parse(text), { text });
  }

  test.each(['0', '5', '12345678905', '9007199254740991'])('%s goes out in a text field as it is', (json) => {
    expect(validateJson({ upc: json })).toMatchObject({ ok: true, payload: { upc: json } });
  });

  test.each(['1.0', '1e3', '-0', '-5', '12.5', '12345678901234567890', '9007199254740992', '1e400', '1E-7'])(
    '%s is refused in a text field, at its path',
    (json) => {
      const message = `must be a string, found the number ${json}: give it in quotes`;
      expect(validateJson({ upc: json })).toEqual({ ok: false, problems: [{ path: '$.upc', message }] });
    },
  );

  test('text fields of inner objects, timestamps and the unit are held to it, too', () => {
    const from = '{"identifier":2.0,"type":"Warehouse"}';
    const reference = '{"identifier":1e3}';
    const result = validateJson({ from, reference, unit_identifier: '-1' });
    expect(result).toMatchObject({
      problems: [
        { path: '$.from.identifier' },
        { path: '$.reference.identifier' },
        { path: '$.unit_identifier' },
      ],
    });
    const text = '{"timestamp":2e3}';
    const update = validatePayload(findEventType('disposition_update'), JSON.parse(text), { text });
    expect(update).toMatchObject({
      problems: expect.arrayContaining([
        { path: '$.timestamp', message: 'must be a string, found the number 2e3: give it in quotes' },
      ]),
    });
  });

  test('they are told beside all other problems, one for a field', () => {
    expect(validateJson({ upc: '1.0', asin: '12.5', sku: 'null' })).toEqual({
      ok: false,
      problems: [
        { path: '$.upc', message: 'must be a string, found the number 1.0: give it in quotes' },
        { path: '$.asin', message: 'must be a string, found the number 12.5: give it in quotes' },
        { path: '$.sku', message: 'must be a string, found null' },
      ],
    });
  });

  test('number fields and open fields take any spelling that loses no digits', () => {
    const to = '{"identifier":1.352e3,"type":"Store","original_identifier":"42"}';
    const more = '[1.0,-0,-5,1e3,{"upc":1.5},9007199254740992]';
    expect(validateJson({ to, more })).toMatchObject({
      ok: true,
      payload: { to: { identifier: 1352 }, more: [1, -0, -5, 1000, { upc: 1.5 }, 2 ** 53] },
    });
  });

  test.each(['36028797018963968', '18446744073709551616', '-9007199254740993'])(
    '%s, which JavaScript writes with other digits, is refused in an open field',
    (json) => {
      const message = `is the number ${json}, whose last digits would be lost: give it in quotes`;
      expect(validateJson({ more: json })).toEqual({
        ok: false,
        problems: [{ path: '$.more', message }],
      });
    },
  );

  test('a number of 8 MiB is refused like any other', () => {
    const digits = '9'.repeat(8 * 1024 * 1024);
    const message = `must be a string, found the number ${'9'.repeat(40)}…: give it in quotes`;
    expect(validateJson({ upc: digits, more: `[${'7'.repeat(40)},0.${digits}]` })).toMatchObject({
      ok: false,
      problems: [{ path: '$.upc', message }, { path: '$.more[0]' }],
    });
  });

  test('a whole number that would become another one is refused wherever it stands, at its path', () => {
    const to = '{"identifier":9007199254740993,"type":"Store","original_identifier":"42"}';
    expect(validateJson({ to, more: '{"a b":[1,12345678901234567891]}' })).toEqual({
      ok: false,
      problems: [
        {
          path: '$.more["a b"][1]',
          message: 'is the number 12345678901234567891, whose last digits would be lost: give it in quotes',
        },
        { path: '$.to.identifier', message: 'must be an integer within 2^53-1, found 9007199254740992' },
      ],
    });
  });

  test('a long one is cut off, and beyond a hundred they are counted', () => {
    const result = validateJson({ upc: '7'.repeat(500), more: `[${'12345678901234567891,'.repeat(150)}0]` });
    const { problems } = result as { problems: readonly Problem[] };
    expect(problems).toHaveLength(101);
    expect(problems[0]?.message).toBe(
      `must be a string, found the number ${'7'.repeat(40)}…: give it in quotes`,
    );
    expect(problems[100]).toEqual({ path: '$', message: 'has at least 51 more problems like these' });
  });

  test('a repeated key is held to its last spelling, also if its values are objects', () => {
    const text = JSON.stringify(type.sample)
      .replace('"upc":12345678905', '"upc":1.0,"upc":1')
      .replace('"from":', '"from":{"identifier":1.0},"more":[12345678901234567],"more":0,"from":');
    expect(validatePayload(type, JSON.parse(text), { text })).toMatchObject({
      ok: true,
      payload: { upc: '1' },
    });
  });

  test('1 MiB of odd numbers below many levels is judged at once', () => {
    const started = processorMs();
    for (const number of ['-1', '12345678901234567', '0.5']) {
      const numbers = `${number},`.repeat((1024 * 1024) / (number.length + 1));
      const more = `${'['.repeat(60)}${numbers}0${']'.repeat(60)}`;
      expect(validateJson({ more }).ok).toBe(number !== '12345678901234567');
    }
    expect(processorMs() - started).toBeLessThan(4_500);
  });

  test('a payload inside of a text is held to its own part of it', () => {
    const payload = { ...type.sample, upc: 1 };
    const text = `{"upc":1.0,"payload":${JSON.stringify(payload).replace('"upc":1', '"upc":1.0')}}`;
    expect(validatePayload(type, payload, { text, payloadKey: 'payload' })).toMatchObject({
      ok: false,
      problems: [{ path: '$.upc' }],
    });
    const other = `{"a":{"upc":1.0},"payload":${JSON.stringify(payload)}}`;
    expect(validatePayload(type, payload, { text: other, payloadKey: 'payload' }).ok).toBe(true);
  });

  test('the numbers of a program have no spelling', () => {
    expect(validatePayload(type, { ...type.sample, upc: 1.0, asin: -5 })).toMatchObject({
      ok: true,
      payload: { upc: '1', asin: '-5' },
    });
  });
});
