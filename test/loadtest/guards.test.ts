import { expect, test } from 'vitest';
import {
  DEFAULT_ABORT_RULE,
  type FinishedRow,
  findFailing,
  parseAbortRule,
} from '../../src/loadtest/guards.ts';

/** Seconds of ten events each, of which so many failed. */
function seconds(...failed: number[]): FinishedRow[] {
  return failed.map((each, second) => ({ atMs: (second + 1) * 1_000, finished: 10, failed: each }));
}

test('a rule to stop at is read, or refused with an example of one', () => {
  expect(parseAbortRule('failed>20% for 3s')).toEqual({ ok: true, value: DEFAULT_ABORT_RULE });
  expect(parseAbortRule(' failed > 0.5%  for 500ms')).toMatchObject({
    value: { share: 0.005, windowMs: 500 },
  });
  for (const text of [
    '',
    'failed>20%',
    'failed>20 for 3s',
    'failed>101% for 3s',
    'failed>20% for 0s',
    'p99>1s for 3s',
  ]) {
    expect(parseAbortRule(text)).toMatchObject({
      problems: [expect.stringContaining('such as "failed>20% for 3s"')],
    });
  }
});

test('more than the share has to fail, over the whole window and no longer', () => {
  const failing = (...failed: number[]) => findFailing(DEFAULT_ABORT_RULE, seconds(...failed)) !== undefined;
  expect(failing(10, 10)).toBe(false);
  expect(failing(2, 2, 2)).toBe(false);
  expect(failing(2, 2, 3)).toBe(true);
  expect(failing(10, 2, 2, 2)).toBe(false);
  expect(failing(0, 0, 0, 0, 7)).toBe(true);
  expect(findFailing(DEFAULT_ABORT_RULE, [])).toBeUndefined();
  expect(findFailing(DEFAULT_ABORT_RULE, seconds(0, 0, 7))).toBe(
    '7 of the latest 30 events failed, more than 20 % (failed>20% for 3s)',
  );
});

test('at a low rate the window reaches back until it holds ten events', () => {
  const slow = (length: number) =>
    Array.from({ length }, (_, second) => ({ atMs: (second + 1) * 1_000, finished: 1, failed: 1 }));
  expect(findFailing(DEFAULT_ABORT_RULE, slow(9))).toBeUndefined();
  expect(findFailing(DEFAULT_ABORT_RULE, slow(10))).toBeDefined();
});
