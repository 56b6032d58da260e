import { expect, test } from 'vitest';
import { findEventType } from '../../src/core/event-types.ts';
import { toJsonPath } from '../../src/core/problem.ts';
import { describeValue, escapeControls, quoteText } from '../../src/core/quote-text.ts';
import { validatePayload } from '../../src/core/validate-payload.ts';

test('a path names keys and indexes', () => {
  expect(toJsonPath([])).toBe('$');
  expect(toJsonPath(['cartons', 0, 'odd key', ''])).toBe('$.cartons[0]["odd key"][""]');
});

test('a path shows what could steer a terminal, and is cut off', () => {
  expect(toJsonPath(['\u001b[2J\u0085\u202e\u2028\ud800'])).toBe(
    '$["\\u001b[2J\\u0085\\u202e\\u2028\\ud800"]',
  );
  expect(toJsonPath(['k'.repeat(1_000_000)])).toBe(`$["${'k'.repeat(100)}"…]`);
});

test('text in a sentence stays on its line, and is cut off', () => {
  expect(quoteText('a\nb\u0000\u007f\u009b', 60)).toBe('"a\\nb\\u0000\\u007f\\u009b"');
  expect(quoteText('x'.repeat(100), 3)).toBe('"xxx"…');
  expect(escapeControls('é\t\u2067x\ud83d😀')).toBe('é\\u0009\\u2067x\\ud83d😀');
});

test.each([
  [undefined, 'nothing'],
  [10n ** 100_000n, 'a bigint'],
  [Symbol('x'.repeat(1_000)), 'a symbol'],
  [-0, '0'],
])('a value is named briefly (%#)', (value, name) => {
  expect(describeValue(value)).toBe(name);
});

test('beyond a hundred, problems are counted', () => {
  const type = findEventType('disposition_update');
  const extra = Object.fromEntries(Array.from({ length: 250 }, (_, n) => [`k${n}`, n]));
  const result = validatePayload(type, { ...type.sample, ...extra });
  expect(result.ok ? [] : result.problems).toHaveLength(101);
  expect(result.ok ? undefined : result.problems[100]).toEqual({
    path: '$',
    message: 'has at least 150 more problems like these',
  });
});
