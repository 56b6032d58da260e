import { expect, test } from 'vitest';
import { runOnceMore } from '../../src/core/time.ts';

test('calls that come while it runs share one further run, which begins after them, and a failure ends nothing', async () => {
  const ends: (() => void)[] = [];
  const run = runOnceMore(
    () =>
      new Promise((resolve, reject) => {
        ends.push(ends.length === 0 ? () => reject(new Error('no')) : resolve);
      }),
  );
  const first = run();
  await Promise.resolve();
  expect(ends).toHaveLength(1);
  const storm = Array.from({ length: 30 }, () => run());
  await Promise.resolve();
  expect(ends).toHaveLength(1);
  ends[0]?.();
  await expect(first).rejects.toThrow('no');
  await expect.poll(() => ends.length).toBe(2);
  // It has begun: what it reads may be older than what this one is about.
  const late = run();
  ends[1]?.();
  await Promise.all(storm);
  await expect.poll(() => ends.length).toBe(3);
  ends[2]?.();
  await late;
  expect(ends).toHaveLength(3);
});
