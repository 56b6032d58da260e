import { expect, test } from 'vitest';
import type { Pacing } from '../../src/delivery/pacing.ts';
import { type TestLine, testLine } from '../support/lanes.ts';

/** A pacing whose turns come when the test says so. */
function turnsOnDemand(): Pacing & { next(): void; readonly waiting: number } {
  let waiting: ((due: boolean) => void)[] = [];
  let closed = false;
  const dismiss = (): void => {
    for (const resolve of waiting) resolve(false);
    waiting = [];
  };
  return {
    get waiting() {
      return waiting.length;
    },
    turn: () =>
      closed
        ? Promise.resolve(false)
        : new Promise((resolve) => {
            waiting.push(resolve);
          }),
    next: () => waiting.shift()?.(true),
    dismiss,
    close: () => {
      closed = true;
      dismiss();
    },
  };
}

function enter({ line, lane }: TestLine): Promise<boolean> {
  return new Promise((resolve) => line.enter(lane, resolve));
}

function join({ line, lane }: TestLine, count: number): void {
  for (let n = 0; n < count; n += 1) line.join(lane);
}

/** Whether a promise is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

test('events enter while permits last, and leave the line as they do', async () => {
  const scene = testLine(2, { room: 10 });
  const { line, lane, permits } = scene;
  join(scene, 3);
  expect(await Promise.all([enter(scene), enter(scene)])).toEqual([true, true]);
  expect(line.length).toBe(1);
  const third = enter(scene);
  expect(await isSettled(third)).toBe(false);
  line.exit(lane);
  expect(await third).toBe(true);
  expect(line.length).toBe(0);
  expect(permits.inUse).toBe(2);
});

test('there is room while fewer stand in line than it takes', async () => {
  const scene = testLine(100, { room: 2 });
  const { line, lane } = scene;
  join(scene, 1);
  await line.room();
  join(scene, 2);
  const room = line.room();
  line.leave(lane);
  expect(await isSettled(room)).toBe(false);
  await enter(scene);
  await room;
  expect(line.length).toBe(1);
});

test('closing lets nobody enter, and ends the wait for room', async () => {
  const scene = testLine(1, { room: 1 });
  const { line, lane, permits } = scene;
  join(scene, 3);
  await enter(scene);
  const waits = [enter(scene), line.room()];
  line.close();
  expect(await Promise.all(waits)).toEqual([false, undefined]);
  expect(await enter(scene)).toBe(false);
  await line.room();
  line.exit(lane);
  expect(permits.inUse).toBe(0);
});

test('the turn is taken last: whoever has it can go at once', async () => {
  const pacing = turnsOnDemand();
  const scene = testLine(2, { pacing, room: 10 });
  const { line, lane } = scene;
  join(scene, 3);
  const entries = [enter(scene), enter(scene), enter(scene)];
  await new Promise((resolve) => setImmediate(resolve));
  // The third has no permit yet: a turn that it took now would be saved up.
  expect(pacing.waiting).toBe(2);
  pacing.next();
  expect(await entries[0]).toBe(true);
  line.exit(lane);
  await new Promise((resolve) => setImmediate(resolve));
  expect(pacing.waiting).toBe(2);
  pacing.next();
  pacing.next();
  expect(await Promise.all(entries)).toEqual([true, true, true]);
});

test('whoever waits for a turn when the line is closed gives the permit back', async () => {
  const scene = testLine(2, { pacing: turnsOnDemand(), room: 10 });
  const { line, permits } = scene;
  join(scene, 3);
  const entries = [enter(scene), enter(scene), enter(scene)];
  await new Promise((resolve) => setImmediate(resolve));
  expect(permits.inUse).toBe(2);
  line.close();
  expect(await Promise.all(entries)).toEqual([false, false, false]);
  expect(permits.inUse).toBe(0);
  expect(line.length).toBe(0);
});

test.each([
  ['without a rate', undefined],
  ['with a rate', turnsOnDemand()],
])('a paused line sends those that wait away and lets nobody in, until it resumes: %s', async (_, pacing) => {
  const scene = testLine(1, { pacing, room: 10 });
  const { line, lane } = scene;
  join(scene, 4);
  const first = enter(scene);
  pacing?.next();
  expect(await first).toBe(true);
  const second = enter(scene);
  line.pause();
  expect(await second).toBe(false);
  expect(await enter(scene)).toBe(false);
  line.exit(lane);
  line.resume();
  const last = enter(scene);
  await new Promise((resolve) => setImmediate(resolve));
  pacing?.next();
  expect(await last).toBe(true);
});

test('events of an endpoint that ails keep no batch from being opened, until it recovers', async () => {
  const scene = testLine(4, { types: ['hung', 'well'] });
  const { line, lane } = scene;
  join(scene, 10);
  for (let n = 0; n < 10; n += 1) void enter(scene);
  expect([lane.inFlight, line.length]).toEqual([4, 6]);
  const room = line.room();
  for (let look = 0; look < 3; look += 1) expect(line.look()).toEqual([]);
  expect(await isSettled(room)).toBe(false);
  expect(line.look()).toEqual([lane]);
  expect(await isSettled(room)).toBe(true);
  expect([lane.standing, line.length]).toEqual([6, 0]);
  join(scene, 1);
  line.leave(lane);
  expect(line.length).toBe(0);

  for (let n = 0; n < 4; n += 1) {
    lane.ended(true, 1);
    line.exit(lane);
  }
  expect(line.look()).toEqual([lane]);
  expect(line.length).toBe(lane.standing);
  expect(line.length).toBeGreaterThan(0);
});

test('of those that wait for the rate at most one is of an endpoint that ails', async () => {
  const pacing = turnsOnDemand();
  const scene = testLine(8, { types: ['hung', 'well'], pacing });
  const { line, lane, lanes } = scene;
  join(scene, 20);
  for (let n = 0; n < 20; n += 1) void enter(scene);
  for (let n = 0; n < 7; n += 1) pacing.next();
  await new Promise((resolve) => setImmediate(resolve));
  for (let look = 0; look < 5; look += 1) line.look();
  expect(lane.isAiling).toBe(true);
  for (let n = 0; n < 4; n += 1) line.exit(lane);
  expect(pacing.waiting).toBe(1);
  const well = { ...scene, lane: lanes.of('well') };
  join(well, 1);
  const entered = enter(well);
  expect(pacing.waiting).toBe(2);
  pacing.next();
  pacing.next();
  expect(await entered).toBe(true);
  expect(pacing.waiting).toBe(1);
});
