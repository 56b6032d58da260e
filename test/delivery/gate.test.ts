import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Gate } from '../../src/delivery/gate.ts';
import type { Pacing } from '../../src/delivery/pacing.ts';
import { openPace, TICKET } from '../support/open-pace.ts';

/** A pacing whose turns come when the test says so. */
function turnsOnDemand() {
  let waiting: { isWanted: () => boolean; resolve: (due: boolean) => void }[] = [];
  const pacing = {
    turn: (_owner: object, isWanted: () => boolean) =>
      new Promise<boolean>((resolve) => {
        waiting.push({ isWanted, resolve });
      }),
    dismiss() {
      const all = waiting;
      waiting = all.filter((waiter) => waiter.isWanted());
      for (const waiter of all) if (!waiter.isWanted()) waiter.resolve(false);
    },
  } as Pacing;
  return { pacing, next: () => waiting.shift()?.resolve(true), waiting: () => waiting.length };
}

const OPEN = openPace();
const always = (): boolean => true;
const waiterOf = (isWanted: () => boolean) => ({ isRetry: false, heldSince: 0, isWanted });
const acquire = (gate: Gate, isWanted = always): Promise<boolean> =>
  new Promise((resolve) => gate.acquire(waiterOf(isWanted), (ticket) => resolve(ticket !== undefined)));
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Whether a promise is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  await nextTurn();
  return settled;
}

test('events pass while there are slots, and the next one when a slot is free', async () => {
  const gate = new Gate(2, [], OPEN);
  gate.add(3, false);
  expect(await Promise.all([acquire(gate), acquire(gate)])).toEqual([true, true]);
  const third = acquire(gate);
  expect(await isSettled(third)).toBe(false);
  gate.release(TICKET);
  expect(await third).toBe(true);
  expect(gate.waiting).toBe(0);
});

test('slots are given in the order of the asking', () => {
  const gate = new Gate(1, [], OPEN);
  gate.add(2_000, false);
  const served: number[] = [];
  for (let n = 0; n < 2_000; n += 1) gate.acquire(waiterOf(always), () => served.push(n));
  for (let n = 0; n < 2_000; n += 1) gate.release(TICKET);
  expect(served).toEqual(Array.from({ length: 2_000 }, (_, n) => n));
});

test('there is room for a batch while fewer events wait than there are slots', async () => {
  const gate = new Gate(2, [], OPEN);
  gate.add(1, false);
  await gate.room();
  gate.add(2, false);
  const room = gate.room();
  gate.skip(1, false);
  expect(await isSettled(room)).toBe(false);
  await acquire(gate);
  await room;
  expect(gate.waiting).toBe(1);
});

test('a finished batch brings in the next while fewer events wait than twice the slots and its own', () => {
  const gate = new Gate(2, [], OPEN);
  gate.add(4, false);
  expect([gate.fits(0), gate.fits(1)]).toEqual([false, true]);
});

test('a closed gate lets nothing pass, and nothing waits for it', async () => {
  const gate = new Gate(1, [], OPEN);
  gate.add(3, false);
  await acquire(gate);
  const waits = [acquire(gate), gate.room()];
  gate.close();
  expect(await Promise.all(waits)).toEqual([false, undefined]);
  expect(await acquire(gate)).toBe(false);
  await gate.room();
  expect([gate.waiting, gate.fits(100)]).toEqual([0, false]);
});

test('a turn is taken with the slot: an event that has both goes at once', async () => {
  const { pacing, next, waiting } = turnsOnDemand();
  const gate = new Gate(2, [pacing], OPEN);
  gate.add(3, false);
  const events = [acquire(gate), acquire(gate), acquire(gate)];
  await nextTurn();
  // The third has no slot yet: a turn that it took now would be saved up.
  expect(waiting()).toBe(2);
  next();
  expect(await events[0]).toBe(true);
  gate.release(TICKET);
  await nextTurn();
  expect(waiting()).toBe(2);
  next();
  next();
  expect(await Promise.all(events)).toEqual([true, true, true]);
});

test('an endpoint with a rate of its own waits for that, then for the client’s, one event at a time', async () => {
  const [own, ofClient] = [turnsOnDemand(), turnsOnDemand()];
  const gate = new Gate(2, [own.pacing, ofClient.pacing], OPEN);
  gate.add(2, false);
  const events = [acquire(gate), acquire(gate)];
  const waits = async () => {
    await nextTurn();
    return { own: own.waiting(), ofClient: ofClient.waiting() };
  };
  expect(await waits()).toEqual({ own: 1, ofClient: 0 });
  own.next();
  // The second one takes no turn of its own while the first waits for the client's: it would be saved up.
  expect(await waits()).toEqual({ own: 0, ofClient: 1 });
  ofClient.next();
  expect(await events[0]).toBe(true);
  expect(await waits()).toEqual({ own: 1, ofClient: 0 });
  own.next();
  expect(await waits()).toEqual({ own: 0, ofClient: 1 });
  ofClient.next();
  expect(await events[1]).toBe(true);
});

test.each(['pause', 'close'] as const)('%s sends away those that wait for two rates', async (how) => {
  const [own, ofClient] = [turnsOnDemand(), turnsOnDemand()];
  const gate = new Gate(3, [own.pacing, ofClient.pacing], OPEN);
  gate.add(3, false);
  const events = [acquire(gate), acquire(gate), acquire(gate)];
  await nextTurn();
  own.next();
  await nextTurn();
  gate[how]();
  expect(await Promise.all(events)).toEqual([false, false, false]);
  expect([gate.waiting, own.waiting(), ofClient.waiting()]).toEqual([0, 0, 0]);
});

test.each(['pause', 'close'] as const)('%s sends away those that wait, for a slot or a turn', async (how) => {
  const { pacing } = turnsOnDemand();
  const other = new Gate(1, [pacing], OPEN);
  other.add(1, false);
  const elsewhere = acquire(other);
  const gate = new Gate(2, [pacing], OPEN);
  gate.add(4, false);
  const events = [acquire(gate), acquire(gate), acquire(gate)];
  gate[how]();
  expect(await Promise.all([...events, acquire(gate), gate.turn()])).toEqual(Array(5).fill(false));
  expect(gate.waiting).toBe(0);
  // That of another endpoint of the client still waits for its turn.
  expect(await isSettled(elsewhere)).toBe(false);
});

test('events that are wanted no longer are sent away, wherever they wait, and take no turn', async () => {
  const { pacing, next, waiting } = turnsOnDemand();
  const gate = new Gate(2, [pacing], OPEN);
  gate.add(4, false);
  let isLost = false;
  const isWanted = (): boolean => !isLost;
  const lost = [acquire(gate, isWanted), acquire(gate, isWanted), acquire(gate, isWanted)];
  const other = acquire(gate);
  expect([waiting(), gate.waiting]).toEqual([2, 4]);
  isLost = true;
  gate.dismiss();
  expect(await Promise.all(lost)).toEqual([false, false, false]);
  expect([waiting(), gate.waiting]).toEqual([1, 1]);
  next();
  expect(await other).toBe(true);
  expect(await acquire(gate, () => false)).toBe(false);
});

test('a gate that was paused lets events pass again once it is resumed', async () => {
  const gate = new Gate(1, [], OPEN);
  gate.add(3, false);
  await acquire(gate);
  gate.pause();
  expect(await acquire(gate)).toBe(false);
  gate.release(TICKET);
  gate.resume();
  expect(await acquire(gate)).toBe(true);
});

test('a gate that holds refuses every event, takes none, and goes on once the time is over', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const gate = new Gate(1, [], OPEN);
  gate.add(3, false);
  expect(await acquire(gate)).toBe(true);
  const waiting = acquire(gate);
  gate.hold(5_000);
  expect([gate.isHolding, await waiting, await acquire(gate)]).toEqual([true, false, false]);
  gate.release(TICKET);
  const room = gate.room();
  expect([await isSettled(room), gate.fits(0)]).toEqual([false, false]);
  vi.advanceTimersByTime(5_000);
  await room;
  gate.add(1, false);
  expect([gate.isHolding, await acquire(gate)]).toEqual([false, true]);
});

test('a narrowed gate lets half as many through, and all again as they end', () => {
  const gate = new Gate(8, [], OPEN);
  gate.add(1_000, false);
  let sent = 0;
  const ask = (): void => gate.acquire(waiterOf(always), () => (sent += 1));
  for (let n = 0; n < 100; n += 1) ask();
  gate.narrow();
  for (let n = 0; n < 3; n += 1) gate.release(TICKET);
  expect(sent).toBe(8);
  gate.release(TICKET);
  expect(sent).toBe(9);
  let released = 4;
  while (sent - released < 8 && sent < 100) {
    gate.release(TICKET);
    released += 1;
  }
  expect([sent - released, released < 60]).toEqual([8, true]);
});

const ACTS = ['add', 'acquire', 'skip', 'release', 'turn', 'pause', 'resume'] as const;

test.each([
  ['without a rate', false],
  ['with a rate', true],
])(
  'however it is used, no more events are under way than slots, and none waits beside a free one: %s',
  async (_, isPaced) => {
    const steps = fc.array(fc.constantFrom(...ACTS), { maxLength: 120, size: 'max' });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), steps, async (slots, acts) => {
        const { pacing, next, waiting } = turnsOnDemand();
        const gate = new Gate(slots, isPaced ? [pacing] : [], OPEN);
        const counts = { idle: 0, asking: 0, sent: 0 };
        const ask = (): void => {
          if (counts.idle === 0) return;
          counts.idle -= 1;
          counts.asking += 1;
          gate.acquire(waiterOf(always), (granted) => {
            counts.asking -= 1;
            if (granted) counts.sent += 1;
          });
        };
        const release = (): void => {
          if (counts.sent === 0) return;
          counts.sent -= 1;
          gate.release(TICKET);
        };
        const does: Record<(typeof ACTS)[number], () => void> = {
          add() {
            gate.add(3, false);
            counts.idle += 3;
          },
          acquire: ask,
          skip() {
            if (counts.idle === 0) return;
            counts.idle -= 1;
            gate.skip(1, false);
          },
          release,
          turn: next,
          pause: () => gate.pause(),
          resume: () => gate.resume(),
        };
        for (const act of acts) {
          does[act]();
          await nextTurn();
          expect(gate.waiting).toBe(counts.idle + counts.asking);
          expect(counts.sent + waiting()).toBeLessThanOrEqual(slots);
          if (counts.asking > waiting()) expect(counts.sent + waiting()).toBe(slots);
        }
        while (counts.idle > 0) ask();
        gate.close();
        await nextTurn();
        while (counts.sent > 0) release();
        expect([gate.waiting, counts.asking]).toEqual([0, 0]);
      }),
      { numRuns: 60 },
    );
  },
);
