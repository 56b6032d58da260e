import { expect, test } from 'vitest';
import { defaultWorkers, parseCount, parseWorkers } from '../../src/cli/parse-options.ts';

test.each(['0', '-1', '1.5', 'ten'])('%s is no count', (text) => {
  expect(() => parseCount(text)).toThrow('whole number');
});

test('workers are from 1 to 256; by default one less than processors, and at least one', () => {
  for (const text of ['0', '-1', '1.5', '2x', '', '257', '1000000']) {
    expect(() => parseWorkers(text)).toThrow('whole number from 1 to 256');
  }
  expect([parseWorkers('1'), parseWorkers('256')]).toEqual([1, 256]);
  expect([1, 2, 8, 512].map(defaultWorkers)).toEqual([1, 1, 7, 256]);
});
