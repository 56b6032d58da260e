import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EVENT_TYPES } from '../../src/core/event-types.ts';
import { generatePayload } from '../../src/core/generate-payload.ts';
import { isPlainInteger, mayHoldOddNumber } from '../../src/core/odd-numbers.ts';
import { seededRandom } from '../../src/core/random.ts';

describe('a text that holds an odd number is found', () => {
  test.each([
    '{"a":1.0}',
    '{"a": 1.5 }',
    '{"a":\n\t1e3\r\n}',
    '{"a":1E+3,"b":1}',
    '{"a":0.1e-7}',
    '{"a":-0}',
    '[1,-5]',
    '[[-1]]',
    '{"a":1234567890123456}',
    '{"a":[1, 2.50]}',
  ])('%s', (json) => expect(mayHoldOddNumber(json)).toBe(true));
});

describe('a text with plain numbers and timestamps is not taken for one', () => {
  test.each([
    '{"a":1,"b":[2,3],"c":123456789012345}',
    '{"a":"2018-03-20T10:30:15.250Z","b":"10:30:15.25"}',
    '{"a":"2018-03-20T10:30:15-05:00"}',
    '{"a":"1.5","b":"-5","c":"1e3","d":"12345678901234567890"}',
  ])('%s', (json) => expect(mayHoldOddNumber(json)).toBe(false));

  test('generated events', () => {
    const random = seededRandom(1);
    for (const type of EVENT_TYPES) {
      for (let n = 0; n < 200; n++)
        expect(mayHoldOddNumber(jsonWithoutFractions(generatePayload(type, n, random)))).toBe(false);
    }
  });

  /** A weight may have a fraction, and is looked at. */
  function jsonWithoutFractions(payload: object): string {
    return JSON.stringify(payload, (_, value) => (typeof value === 'number' ? Math.trunc(value) : value));
  }
});

test('property: a text with a number that is no plain integer is never missed', () => {
  const blank = fc.constantFrom('', ' ', '\n', '\t ', '\r\n');
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.integer().map(String),
  );
  fc.assert(
    fc.property(number, blank, blank, fc.boolean(), (spelling, before, after, isElement) => {
      const json = isElement ? `[0,${before}${spelling}${after}]` : `{"a":${before}${spelling}${after}}`;
      expect(JSON.parse(json)).toBeTypeOf('object');
      if (!isPlainInteger(spelling)) expect(mayHoldOddNumber(json)).toBe(true);
    }),
  );
});
