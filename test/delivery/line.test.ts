import { expect, test } from 'vitest';
import { createLine, type Line } from '../../src/delivery/line.ts';
import type { Pacing } from '../../src/delivery/pacing.ts';
import { createPermits } from '../../src/delivery/permits.ts';

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

function enter(line: Line): Promise<boolean> {
  return new Promise((resolve) => line.enter(resolve));
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
  const permits = createPermits(2);
  const line = createLine(permits, undefined, 10);
  line.join(3);
  expect(await Promise.all([enter(line), enter(line)])).toEqual([true, true]);
  expect(line.length).toBe(1);
  const third = enter(line);
  expect(await isSettled(third)).toBe(false);
  line.exit();
  expect(await third).toBe(true);
  expect(line.length).toBe(0);
  expect(permits.inUse).toBe(2);
});

test('there is room while fewer stand in line than it takes', async () => {
  const line = createLine(createPermits(100), undefined, 2);
  line.join(1);
  await line.room();
  line.join(2);
  const room = line.room();
  line.leave();
  expect(await isSettled(room)).toBe(false);
  await enter(line);
  await room;
  expect(line.length).toBe(1);
});

test('closing lets nobody enter, and ends the wait for room', async () => {
  const permits = createPermits(1);
  const line = createLine(permits, undefined, 1);
  line.join(3);
  await enter(line);
  const waits = [enter(line), line.room()];
  line.close();
  expect(await Promise.all(waits)).toEqual([false, undefined]);
  expect(await enter(line)).toBe(false);
  await line.room();
  line.exit();
  expect(permits.inUse).toBe(0);
});

test('the turn is taken last: whoever has it can go at once', async () => {
  const pacing = turnsOnDemand();
  const line = createLine(createPermits(2), pacing, 10);
  line.join(3);
  const entries = [enter(line), enter(line), enter(line)];
  await new Promise((resolve) => setImmediate(resolve));
  // The third has no permit yet: a turn that it took now would be saved up.
  expect(pacing.waiting).toBe(2);
  pacing.next();
  expect(await entries[0]).toBe(true);
  line.exit();
  await new Promise((resolve) => setImmediate(resolve));
  expect(pacing.waiting).toBe(2);
  pacing.next();
  pacing.next();
  expect(await Promise.all(entries)).toEqual([true, true, true]);
});

test('whoever waits for a turn when the line is closed gives the permit back', async () => {
  const permits = createPermits(2);
  const line = createLine(permits, turnsOnDemand(), 10);
  line.join(3);
  const entries = [enter(line), enter(line), enter(line)];
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
  const line = createLine(createPermits(1), pacing, 10);
  line.join(4);
  const first = enter(line);
  pacing?.next();
  expect(await first).toBe(true);
  const second = enter(line);
  line.pause();
  expect(await second).toBe(false);
  expect(await enter(line)).toBe(false);
  line.exit();
  line.resume();
  const last = enter(line);
  await new Promise((resolve) => setImmediate(resolve));
  pacing?.next();
  expect(await last).toBe(true);
});
