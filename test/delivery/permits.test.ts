import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Lane } from '../../src/delivery/lane.ts';
import { type TestLine, testLine } from '../support/lanes.ts';

/** Asks for a permit; the answer, once there is one. */
function ask({ permits, lane }: TestLine): { granted?: boolean } {
  const asked: { granted?: boolean } = {};
  permits.take(lane, (granted) => {
    asked.granted = granted;
  });
  return asked;
}

test('so many permits, at once, and no more', () => {
  const scene = testLine(2);
  const { permits, lane } = scene;
  const asked = [ask(scene), ask(scene), ask(scene)];
  expect(asked).toEqual([{ granted: true }, { granted: true }, {}]);
  expect(permits.inUse).toBe(2);
  permits.give(lane);
  expect(asked[2]).toEqual({ granted: true });
  expect(permits.inUse).toBe(2);
  permits.give(lane);
  expect(permits.inUse).toBe(1);
  expect(ask(scene)).toEqual({ granted: true });
});

test('a permit that is given goes to whoever waits longest', () => {
  const scene = testLine(1);
  const { permits, lane } = scene;
  ask(scene);
  const served: number[] = [];
  for (const n of [1, 2, 3]) permits.take(lane, (granted) => served.push(granted ? n : -n));
  permits.give(lane);
  expect(served).toEqual([1]);
  permits.give(lane);
  permits.give(lane);
  expect(served).toEqual([1, 2, 3]);
  expect(permits.inUse).toBe(1);
});

test('closing ends all waits, and whoever comes later gets none', () => {
  const scene = testLine(1);
  const { permits, lane } = scene;
  ask(scene);
  const waits = [ask(scene), ask(scene)];
  permits.close();
  expect([...waits, ask(scene)]).toEqual([{ granted: false }, { granted: false }, { granted: false }]);
  permits.give(lane);
  expect(permits.inUse).toBe(0);
  expect(ask(scene)).toEqual({ granted: false });
});

test('dismissing sends those away that wait, and nobody else', () => {
  const scene = testLine(1);
  const { permits, lane } = scene;
  ask(scene);
  const waits = [ask(scene), ask(scene)];
  permits.dismiss();
  expect(waits).toEqual([{ granted: false }, { granted: false }]);
  const later = ask(scene);
  permits.give(lane);
  expect(later).toEqual({ granted: true });
});

test('serves any number of waiters in their order', () => {
  const scene = testLine(1);
  const { permits, lane } = scene;
  ask(scene);
  const served: number[] = [];
  for (let n = 0; n < 5_000; n += 1) permits.take(lane, () => served.push(n));
  for (let n = 0; n < 5_000; n += 1) permits.give(lane);
  expect(served).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
});

test('however it is used, no more permits are out than there are, and none waits beside a free one', () => {
  const counts = fc.integer({ min: 1, max: 5 });
  const steps = fc.array(fc.constantFrom('take', 'give'), { maxLength: 100 });
  fc.assert(
    fc.property(counts, steps, (count, acts) => {
      const scene = testLine(count);
      const { permits, lane } = scene;
      let asked = 0;
      let granted = 0;
      let given = 0;
      for (const act of acts) {
        if (act === 'take') {
          asked += 1;
          permits.take(lane, () => {
            granted += 1;
          });
        } else if (granted > given) {
          given += 1;
          permits.give(lane);
        }
        expect(granted - given).toBe(Math.min(count, asked - given));
        expect(permits.inUse).toBe(granted - given);
      }
    }),
  );
});

/** Two endpoints that share permits, and what asks for one. */
function shared(count: number) {
  const scene = testLine(count, { types: ['a', 'b'] });
  const [a, b] = [scene.lanes.of('a'), scene.lanes.of('b')];
  return { ...scene, a, b, ask: (lane: Lane) => ask({ ...scene, lane }) };
}

test('a freed permit goes to the endpoint that has fewer, whoever asked first', () => {
  const { permits, a, b, ask } = shared(6);
  const ofA = Array.from({ length: 10 }, () => ask(a));
  const ofB = [ask(b), ask(b), ask(b)];
  expect([a.held, b.held]).toEqual([6, 0]);
  permits.give(a);
  permits.give(a);
  expect([a.held, b.held]).toEqual([4, 2]);
  permits.give(a);
  expect([a.held, b.held]).toEqual([3, 3]);
  expect(ofB).toEqual([{ granted: true }, { granted: true }, { granted: true }]);
  expect(ofA.filter(({ granted }) => granted)).toHaveLength(6);
  permits.give(b);
  expect([a.held, b.held]).toEqual([4, 2]);
});

test('one permit of many is never given to the endpoint that has all others, one of few is', () => {
  const many = shared(8);
  for (let n = 0; n < 20; n += 1) many.ask(many.a);
  expect(many.a.held).toBe(7);
  expect([many.ask(many.b), many.ask(many.b)]).toEqual([{ granted: true }, {}]);
  const few = shared(7);
  for (let n = 0; n < 20; n += 1) few.ask(few.a);
  expect(few.a.held).toBe(7);
});

test('what an endpoint that ails has beyond its share is for the others', () => {
  const { permits, lanes, a, b, ask } = shared(8);
  for (let n = 0; n < 20; n += 1) ask(a);
  a.inFlight = a.held;
  for (let look = 0; look < 5; look += 1) lanes.look();
  expect([a.held, a.isAiling]).toEqual([7, true]);
  permits.give(a);
  permits.give(a);
  expect(a.held).toBe(6);
  expect([ask(b), ask(b)]).toEqual([{ granted: true }, { granted: true }]);
});

test('however two endpoints use it, neither waits beside a permit that it may have', () => {
  const acts = fc.array(fc.tuple(fc.constantFrom('take', 'give'), fc.boolean()), { maxLength: 100 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), acts, (count, steps) => {
      const { permits, lanes, a, b } = shared(count);
      for (const [act, isA] of steps) {
        const lane = isA ? a : b;
        if (act === 'take') permits.take(lane, () => {});
        else if (lane.held > 0) permits.give(lane);
        expect(a.held + b.held).toBe(permits.inUse);
        expect(permits.inUse).toBeLessThanOrEqual(count);
        const waits = [a, b].filter(({ waiting }) => !waiting.isEmpty);
        if (permits.inUse < count) expect(waits.some(lanes.mayHold)).toBe(false);
      }
    }),
  );
});
