import { expect, test } from 'vitest';
import { didYouMean, nearMiss } from '../../src/core/near-miss.ts';

const KNOWN = ['baseUrl', 'endpoints', 'auth', 'concurrency', 'timeoutMs', 'tls', 'url'];

test.each([
  ['baseURL', 'baseUrl'],
  ['base_url', 'baseUrl'],
  ['endpoint', 'endpoints'],
  ['concurency', 'concurrency'],
  ['timeout', 'timeoutMs'],
  ['ulr', 'url'],
  ['tsl', 'tls'],
])('%s was probably meant to be %s', (given, meant) => {
  expect(nearMiss(given, KNOWN)).toBe(meant);
});

test.each(['', 'x', 'colour', 'abcd', 'proxy'])('%j is near to nothing', (given) => {
  expect(nearMiss(given, KNOWN)).toBeUndefined();
  expect(didYouMean(given, KNOWN)).toBe('');
});
