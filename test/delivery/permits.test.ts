import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPermits, type Permits } from '../../src/delivery/permits.ts';

/** Asks for a permit; the answer, once there is one. */
function ask(permits: Permits): { granted?: boolean } {
  const asked: { granted?: boolean } = {};
  permits.take((granted) => {
    asked.granted = granted;
  });
  return asked;
}

test('so many permits, at once, and no more', () => {
  const permits = createPermits(2);
  const asked = [ask(permits), ask(permits), ask(permits)];
  expect(asked).toEqual([{ granted: true }, { granted: true }, {}]);
  expect(permits.inUse).toBe(2);
  permits.give();
  expect(asked[2]).toEqual({ granted: true });
  expect(permits.inUse).toBe(2);
  permits.give();
  expect(permits.inUse).toBe(1);
  expect(ask(permits)).toEqual({ granted: true });
});

test('a permit that is given goes to whoever waits longest', () => {
  const permits = createPermits(1);
  ask(permits);
  const served: number[] = [];
  for (const n of [1, 2, 3]) permits.take((granted) => served.push(granted ? n : -n));
  permits.give();
  expect(served).toEqual([1]);
  permits.give();
  permits.give();
  expect(served).toEqual([1, 2, 3]);
  expect(permits.inUse).toBe(1);
});

test('closing ends all waits, and whoever comes later gets none', () => {
  const permits = createPermits(1);
  ask(permits);
  const waits = [ask(permits), ask(permits)];
  permits.close();
  expect([...waits, ask(permits)]).toEqual([{ granted: false }, { granted: false }, { granted: false }]);
  permits.give();
  expect(permits.inUse).toBe(0);
  expect(ask(permits)).toEqual({ granted: false });
});

test('dismissing sends those away that wait, and nobody else', () => {
  const permits = createPermits(1);
  ask(permits);
  const waits = [ask(permits), ask(permits)];
  permits.dismiss();
  expect(waits).toEqual([{ granted: false }, { granted: false }]);
  const later = ask(permits);
  permits.give();
  expect(later).toEqual({ granted: true });
});

test('serves any number of waiters in their order', () => {
  const permits = createPermits(1);
  ask(permits);
  const served: number[] = [];
  for (let n = 0; n < 5_000; n += 1) permits.take(() => served.push(n));
  for (let n = 0; n < 5_000; n += 1) permits.give();
  expect(served).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
});

test('however it is used, no more permits are out than there are, and none waits beside a free one', () => {
  const counts = fc.integer({ min: 1, max: 5 });
  const steps = fc.array(fc.constantFrom('take', 'give'), { maxLength: 100 });
  fc.assert(
    fc.property(counts, steps, (count, acts) => {
      const permits = createPermits(count);
      let asked = 0;
      let granted = 0;
      let given = 0;
      for (const act of acts) {
        if (act === 'take') {
          asked += 1;
          permits.take(() => {
            granted += 1;
          });
        } else if (granted > given) {
          given += 1;
          permits.give();
        }
        expect(granted - given).toBe(Math.min(count, asked - given));
        expect(permits.inUse).toBe(granted - given);
      }
    }),
  );
});
