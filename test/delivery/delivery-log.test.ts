import { expect, test } from 'vitest';
import { FailureSample } from '../../src/delivery/delivery-log.ts';
import { createLog } from '../../src/log.ts';
import { captureLogLines } from '../support/log-lines.ts';

function sampleAt(level: string) {
  const lines = captureLogLines();
  const log = createLog({ level, destination: lines.stream });
  const sample = new FailureSample(log, { client: 'acme', type: 'x' });
  /** What comes of so many failures: the number of each that has a line, and what it says. */
  const fail = (count: number) =>
    Array.from({ length: count }, (_, i) => [i + 1, sample.next()] as const).filter(
      ([, unreported]) => unreported !== undefined,
    );
  return { sample, fail, told: () => lines.matching('failed attempts left out of the log') };
}

test('of 250 failures the first ten have a line, then one in a hundred, with the count before it', () => {
  const { sample, fail, told } = sampleAt('info');
  const first = Array.from({ length: 10 }, (_, i) => [i + 1, 0]);
  expect(fail(250)).toEqual([...first, [110, 99], [210, 99]]);
  expect(told()).toEqual([]);
  sample.end();
  expect(told()).toEqual([
    expect.objectContaining({ level: 'info', client: 'acme', type: 'x', failed: 250, leftOut: 238 }),
  ]);
});

test('after its end it begins anew; if nothing was left out it says nothing', () => {
  const { sample, fail, told } = sampleAt('info');
  fail(30);
  sample.end();
  expect(fail(10)).toHaveLength(10);
  sample.end();
  sample.end();
  expect(told()).toMatchObject([{ failed: 30, leftOut: 20 }]);
});

test('at debug all have a line', () => {
  const { sample, fail, told } = sampleAt('debug');
  expect(fail(200)).toHaveLength(200);
  sample.end();
  expect(told()).toEqual([]);
});
