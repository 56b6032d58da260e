import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const rows = readFileSync(`${root}src/docs/promises.md`, 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (?:promise|---)/.test(line))
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()));
const tests = readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' }).map((path) => `test/${path}`);

test('the promises are a table of promise, limit and what holds it', () => {
  expect(rows.length).toBeGreaterThan(20);
  for (const row of rows) expect(row, row[1]).toHaveLength(5);
});

test.each(rows)('%s%s: the tests that it names exist', (_, promise, _limit, holders = '') => {
  const named = [...holders.matchAll(/`(test\/[^`]+)`/g)].map(([, pattern = '']) => pattern);
  expect(named, promise).not.toEqual([]);
  for (const pattern of named) {
    const matching = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`);
    expect(
      tests.some((path) => matching.test(path)),
      pattern,
    ).toBe(true);
  }
});
