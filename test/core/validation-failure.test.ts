import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutToBytes } from '../../src/core/history.ts';
import { parseFieldErrors } from '../../src/core/validation-failure.ts';

const fieldErrors = fc.array(fc.record({ field: fc.string(), code: fc.string() }), { maxLength: 10 });

test('reads the form of the contract, part 2', () => {
  const response =
    '{"message":"Validation failed","errors":[{"field":"$.upc","code":"invalid_type"},{"field":"$.sku","code":"missing_field"}]}';
  expect(parseFieldErrors(response)).toEqual([
    { field: '$.upc', code: 'invalid_type' },
    { field: '$.sku', code: 'missing_field' },
  ]);
});

test('whatever fields and codes a client names come back as they were', () => {
  fc.assert(
    fc.property(fieldErrors, fc.option(fc.string(), { nil: undefined }), (errors, message) => {
      expect(parseFieldErrors(JSON.stringify({ message, errors }))).toEqual(errors);
    }),
  );
});

test('a truncated response names its whole field errors, and does no harm', () => {
  fc.assert(
    fc.property(fieldErrors, fc.nat(200), (errors, most) => {
      const whole = JSON.stringify({ message: 'Validation failed', errors });
      const cut = cutToBytes(whole, most);
      const ends = errors.map((_, i) =>
        JSON.stringify({ message: 'Validation failed', errors: errors.slice(0, i + 1) }),
      );
      // Without the brackets at the end.
      const count = ends.filter((end) => cut.startsWith(end.slice(0, -2))).length;
      expect(parseFieldErrors(cut)).toEqual(errors.slice(0, count));
    }),
  );
});

test('it may be written over several lines, whole or cut short', () => {
  const errors = [
    { field: '$.upc', code: 'invalid' },
    { code: 'missing_field', field: '$["a}{"]' },
  ];
  const text = `\n${JSON.stringify({ errors }, undefined, 2)}`;
  expect([parseFieldErrors(text), parseFieldErrors(text.slice(0, -4))]).toEqual([errors, errors]);
});

test.each([
  undefined,
  '',
  'Unprocessable',
  '<html></html>',
  '[]',
  'null',
  '{}',
  '{"errors":null}',
  '{"errors":{}}',
  '{"errors":["upc"]}',
  '{"errors":[{"field":"$.upc"}]}',
  '{"errors":[{"field":1,"code":2}]}',
])('%s is not in that form', (response) => {
  expect(parseFieldErrors(response)).toEqual([]);
});

test('any text is read without a fault', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.json().map((json) => `{"errors":${json}}`),
      ),
      (text) => {
        expect(Array.isArray(parseFieldErrors(text))).toBe(true);
      },
    ),
  );
});
