import { expect, test } from 'vitest';
import { FORGET_PAGES_MS, readWebPages } from '../../src/core/web-pages.ts';

const stats = new Map([
  ['pages:receipt', '3'],
  ['pagesSince:receipt', '5'],
  ['pagesAt:receipt', '9'],
]);

test('web pages are told for seven days after the latest', () => {
  expect(readWebPages(stats, 'receipt', 9 + FORGET_PAGES_MS)).toEqual({
    deliveries: 3,
    since: 5,
    latestAt: 9,
  });
  expect(readWebPages(stats, 'receipt', 10 + FORGET_PAGES_MS)).toBeUndefined();
  expect(readWebPages(stats, 'disposition', 9)).toBeUndefined();
});
