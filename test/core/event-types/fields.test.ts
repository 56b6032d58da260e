import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { z } from 'zod';
import { closedObject, text, timestamp } from '../../../src/core/event-types/fields.ts';

function messageOf(schema: z.ZodType, value: unknown): string | undefined {
  return schema.safeParse(value).error?.issues[0]?.message;
}

test('property: a safe whole number becomes the string it spells', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (number) => {
      expect(text.parse(number)).toBe(JSON.stringify(number));
    }),
  );
  expect(text.parse(-0)).toBe('0');
});

test('property: any other number is refused', () => {
  fc.assert(
    fc.property(
      fc.double().filter((number) => !Number.isSafeInteger(number)),
      (number) => {
        expect(messageOf(text, number)).toMatch(/^must be a string, found (the number )?\S+/);
      },
    ),
  );
});

test.each([
  [
    2 ** 53,
    'must be a string, found the number 9007199254740992: beyond 2^53-1 its digits are already lost, so give it in quotes',
  ],
  [1.5, 'must be a string, found the number 1.5: only a whole number can stand for the string it spells'],
  [Number.NaN, 'must be a string, found NaN, which JSON cannot carry'],
  [Number.NEGATIVE_INFINITY, 'must be a string, found -Infinity, which JSON cannot carry'],
  [true, 'must be a string, found true'],
  [null, 'must be a string, found null'],
  [{}, 'must be a string, found an object'],
  [undefined, 'is required'],
])('%s is refused with a sentence', (value, sentence) => {
  expect(messageOf(text, value)).toBe(sentence);
});

test('an absent field is required unless it is optional', () => {
  const schema = closedObject({ a: text, b: text.optional(), c: timestamp });
  expect(schema.safeParse({}).error?.issues.map(({ path }) => path)).toEqual([['a'], ['c']]);
  expect(schema.parse({ a: 1, c: '2018-03-20T00:00:00' })).toEqual({ a: '1', c: '2018-03-20T00:00:00' });
});

test('a timestamp that is none says what one looks like', () => {
  expect(messageOf(timestamp, 20180320)).toBe(
    'must be an ISO 8601 date-time of a real day, such as 2018-03-20T00:00:00Z, found "20180320"',
  );
});

test('a long value is cut off in the sentence', () => {
  const message = messageOf(timestamp, 'x'.repeat(100_000));
  expect(message?.length).toBeLessThan(200);
});
