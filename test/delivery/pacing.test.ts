import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Pacing, type ReserveSends } from '../../src/delivery/pacing.ts';

const OWNER = {};
const always = (): boolean => true;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Pacing on the fake clock, with the reservations that it makes and the errors that it reports. */
function paced(ratePerSecond: number, reserve: ReserveSends) {
  const reservations: number[] = [];
  const errors: Error[] = [];
  const pacing = new Pacing({
    ratePerSecond,
    reserve: (rate, count) => {
      reservations.push(count);
      return reserve(rate, count);
    },
    monotonicNow: () => performance.now(),
    onError: (error) => errors.push(error),
  });
  return { pacing, reservations, errors };
}

/** When each of so many turns comes, in whole milliseconds from now; grows as they do. */
function timesOfTurns(pacing: Pacing, count: number): number[] {
  const from = performance.now();
  const times: number[] = [];
  for (let n = 0; n < count; n += 1) {
    void pacing.turn(OWNER, always).then((due) => {
      if (due) times.push(Math.round(performance.now() - from));
    });
  }
  return times;
}

/** Reservations as Redis makes them: each begins where the one before it ends. */
function oneAfterAnother(): ReserveSends {
  let free = 0;
  return async (rate, count) => {
    const first = Math.max(performance.now(), free);
    free = first + (count * 1_000) / rate;
    return first - performance.now();
  };
}

test('turns are spread evenly', async () => {
  const { pacing, reservations } = paced(20, oneAfterAnother());
  const times = timesOfTurns(pacing, 6);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(times).toEqual([0, 50, 100, 150, 200, 250]);
  expect(reservations.reduce((sum, count) => sum + count)).toBe(6);
});

test('owners get their turns by rotation, however many waits each has', async () => {
  const { pacing } = paced(10, oneAfterAnother());
  const order: string[] = [];
  const ask = (name: string, owner: object): void =>
    void pacing.turn(owner, () => !isGone || name !== 'gone').then((due) => order.push(`${name} ${due}`));
  const [many, two, gone] = [{}, {}, {}];
  let isGone = false;
  for (let n = 0; n < 5; n += 1) ask('many', many);
  for (let n = 0; n < 2; n += 1) ask('two', two);
  ask('gone', gone);
  isGone = true;
  pacing.dismiss();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(order.join()).toBe('gone false,many true,two true,many true,two true,many true,many true,many true');
});

test('at most a second’s worth is reserved at once', async () => {
  const { pacing, reservations } = paced(10, oneAfterAnother());
  const times = timesOfTurns(pacing, 25);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(Math.max(...reservations)).toBe(10);
  expect(times).toEqual(Array.from({ length: 25 }, (_, n) => n * 100));
});

test('a rate below one a second reserves one at a time', async () => {
  const { pacing, reservations } = paced(0.5, async () => 2_000);
  const times = timesOfTurns(pacing, 2);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(reservations).toEqual([1, 1]);
  expect(times).toEqual([2_000, 4_000]);
});

test('a reservation that begins later is waited for', async () => {
  const { pacing } = paced(100, async () => 300);
  const times = timesOfTurns(pacing, 1);
  await vi.advanceTimersByTimeAsync(299);
  expect(times).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(times).toEqual([300]);
});

test('a wait that begins while turns are given waits for the next reservation', async () => {
  const { pacing, reservations } = paced(10, async () => 0);
  const early = timesOfTurns(pacing, 1);
  await vi.advanceTimersByTimeAsync(0);
  const late = timesOfTurns(pacing, 1);
  await vi.advanceTimersByTimeAsync(0);
  expect([early, late]).toEqual([[0], [0]]);
  expect(reservations).toEqual([1, 1]);
});

test('an error of the reservation is reported, and it is made again after a second', async () => {
  let failing = true;
  const { pacing, errors, reservations } = paced(10, async () => {
    if (failing) throw new Error('Redis is away');
    return 0;
  });
  const times = timesOfTurns(pacing, 1);
  await vi.advanceTimersByTimeAsync(500);
  expect(errors).toHaveLength(1);
  failing = false;
  await vi.advanceTimersByTimeAsync(500);
  expect(times).toEqual([1_000]);
  expect(reservations).toEqual([1, 1]);
});

/** Turns that are wanted until the test says otherwise. */
function giveUp() {
  let wanted = true;
  return { isWanted: () => wanted, end: () => (wanted = false) };
}

test('turns that are wanted no longer end, the others go on, and no timer is left without any', async () => {
  const { pacing } = paced(1, async () => 60_000);
  const { isWanted, end } = giveUp();
  const turns = [pacing.turn(OWNER, isWanted), pacing.turn(OWNER, always), pacing.turn(OWNER, isWanted)];
  await vi.advanceTimersByTimeAsync(10);
  end();
  pacing.dismiss();
  expect(await Promise.all([turns[0], turns[2]])).toEqual([false, false]);
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await turns[1]).toBe(true);
  const last = giveUp();
  const turn = pacing.turn(OWNER, last.isWanted);
  await vi.advanceTimersByTimeAsync(10);
  last.end();
  pacing.dismiss();
  expect(await turn).toBe(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(vi.getTimerCount()).toBe(0);
});

test('a turn that is asked for after all others were given up comes when it is due, not sooner', async () => {
  const { pacing } = paced(1, oneAfterAnother());
  await pacing.turn(OWNER, always);
  const { isWanted, end } = giveUp();
  const given = pacing.turn(OWNER, isWanted);
  await vi.advanceTimersByTimeAsync(10);
  end();
  pacing.dismiss();
  const times = timesOfTurns(pacing, 1);
  expect(await given).toBe(false);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(times[0]).toBeGreaterThanOrEqual(980);
});

test('giving up ends the wait after an error', async () => {
  const { pacing } = paced(1, async () => {
    throw new Error('Redis is away');
  });
  const { isWanted, end } = giveUp();
  const turn = pacing.turn(OWNER, isWanted);
  await vi.advanceTimersByTimeAsync(10);
  end();
  pacing.dismiss();
  expect(await turn).toBe(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(vi.getTimerCount()).toBe(0);
});
