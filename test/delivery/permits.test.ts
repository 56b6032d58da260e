import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPermits } from '../../src/delivery/permits.ts';

test('so many permits and no more', () => {
  const permits = createPermits(2);
  expect([permits.tryTake(), permits.tryTake(), permits.tryTake()]).toEqual([true, true, false]);
  expect(permits.inUse).toBe(2);
  permits.give();
  expect(permits.inUse).toBe(1);
  expect(permits.tryTake()).toBe(true);
});

test('a free permit is taken without waiting', async () => {
  const permits = createPermits(1);
  expect(await permits.take()).toBe(true);
  expect(permits.inUse).toBe(1);
});

test('a permit that is given goes to whoever waits longest', async () => {
  const permits = createPermits(1);
  permits.tryTake();
  const served: number[] = [];
  const waits = [1, 2, 3].map((n) => permits.take().then((granted) => served.push(granted ? n : -n)));
  permits.give();
  // It was handed on: nobody else gets in between.
  expect(permits.tryTake()).toBe(false);
  permits.give();
  permits.give();
  await Promise.all(waits);
  expect(served).toEqual([1, 2, 3]);
  expect(permits.inUse).toBe(1);
});

test('closing ends all waits, and whoever comes later gets none', async () => {
  const permits = createPermits(1);
  permits.tryTake();
  const waits = [permits.take(), permits.take()];
  permits.close();
  expect(await Promise.all([...waits, permits.take()])).toEqual([false, false, false]);
  permits.give();
  expect(permits.inUse).toBe(0);
  expect(permits.tryTake()).toBe(false);
  expect(await permits.take()).toBe(false);
});

test('serves any number of waiters in their order', async () => {
  const permits = createPermits(1);
  permits.tryTake();
  const served: number[] = [];
  const waits = Array.from({ length: 5_000 }, (_, n) => permits.take().then(() => served.push(n)));
  for (let n = 0; n < 5_000; n += 1) permits.give();
  await Promise.all(waits);
  expect(served).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
});

test('however it is used, no more permits are out than there are, and none waits beside a free one', async () => {
  const counts = fc.integer({ min: 1, max: 5 });
  const steps = fc.array(fc.constantFrom('take', 'give'), { maxLength: 100 });
  await fc.assert(
    fc.asyncProperty(counts, steps, async (count, acts) => {
      const permits = createPermits(count);
      let asked = 0;
      let granted = 0;
      let given = 0;
      for (const act of acts) {
        if (act === 'take') {
          asked += 1;
          void permits.take().then(() => {
            granted += 1;
          });
        } else if (granted > given) {
          given += 1;
          permits.give();
        }
        await new Promise((resolve) => setImmediate(resolve));
        expect(granted - given).toBe(Math.min(count, asked - given));
        expect(permits.inUse).toBe(granted - given);
      }
    }),
  );
});
