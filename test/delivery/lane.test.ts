import { expect, test } from 'vitest';
import { Lane, LOOK_MS } from '../../src/delivery/lane.ts';

const MANY = 8;
const LOOKS_PER_SECOND = 1_000 / LOOK_MS;

/** A lane with so many attempts in flight, and what happens to it in each look. */
function laneWith(inFlight: number) {
  const lane = new Lane('x', 'http://127.0.0.1/');
  lane.look(MANY);
  lane.inFlight = inFlight;
  /** @returns after how many seconds the lane's state changed; undefined: it did not in a minute */
  function changesAfter(between: () => void = () => {}): number | undefined {
    for (let look = 1; look <= 60 * LOOKS_PER_SECOND; look += 1) {
      between();
      if (lane.look(MANY)) return look / LOOKS_PER_SECOND;
    }
    return undefined;
  }
  function end(times: number, wasDelivered: boolean, ms: number): void {
    for (let n = 0; n < times; n += 1) lane.ended(wasDelivered, ms);
  }
  return { lane, changesAfter, end };
}

test('an endpoint ails whose attempts hang, from a number of them on', () => {
  expect(laneWith(MANY).changesAfter()).toBe(2);
  expect(laneWith(MANY - 1).changesAfter()).toBeUndefined();
});

test('an endpoint that is slow does not ail', () => {
  const { changesAfter, end, lane } = laneWith(MANY);
  end(MANY, true, 5_000);
  lane.look(MANY);
  let looks = 0;
  const everyFiveSeconds = (): void => {
    looks += 1;
    if (looks % (5 * LOOKS_PER_SECOND) === 0) end(MANY, true, 5_000);
  };
  expect(changesAfter(everyFiveSeconds)).toBeUndefined();
});

test.each([
  ['that refuses everything at once does not', false, 20, undefined],
  ['that fails after a second does', false, 1_000, 2],
  ['that delivers does not', true, 20, undefined],
])('an endpoint %s ail', (_, wasDelivered, ms, after) => {
  const { changesAfter, end } = laneWith(MANY);
  expect(changesAfter(() => end(3, wasDelivered, ms))).toBe(after);
});

test('one of which every other attempt hangs ails: the few that are delivered say nothing', () => {
  const { changesAfter, end } = laneWith(MANY);
  expect(changesAfter(() => end(1, true, 10))).toBe(2.5);
});

test('it recovers as soon as so many attempts came to something as were in flight, and not by waiting', () => {
  const { lane, changesAfter, end } = laneWith(MANY);
  changesAfter();
  lane.inFlight = 0;
  expect(changesAfter()).toBeUndefined();
  expect(lane.isAiling).toBe(true);
  lane.inFlight = 3;
  changesAfter();
  expect(changesAfter(() => end(1, false, 3_000))).toBeUndefined();
  end(3, true, 10);
  expect(lane.look(MANY)).toBe(true);
  expect(lane.isAiling).toBe(false);
});
