import { expect, test } from 'vitest';
import { TimeLimit } from '../../src/http/time-limit.ts';

test('expires each in its turn, never early, and not what was taken out', async () => {
  const started = performance.now();
  const expired: { item: number; after: number }[] = [];
  await new Promise<void>((resolve) => {
    const limit = new TimeLimit<number>(40, (item) => {
      expired.push({ item, after: performance.now() - started });
      if (item === 1) limit.add(3);
      if (item === 3) resolve();
    });
    limit.add(0);
    limit.add(1);
    limit.delete(0);
    setTimeout(() => limit.add(2), 20);
  });
  expect(expired.map(({ item }) => item)).toEqual([1, 2, 3]);
  for (const [index, earliest] of [39, 58, 78].entries()) {
    expect(expired[index]?.after).toBeGreaterThanOrEqual(earliest);
  }
});
