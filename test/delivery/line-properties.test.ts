import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Lane } from '../../src/delivery/lane.ts';
import type { Pacing } from '../../src/delivery/pacing.ts';
import { testLine } from '../support/lanes.ts';

/** A pacing whose turns come when the test says so; unlike the real one, the event goes in the next microtask. */
function turnsOnDemand(): Pacing & { next(): void } {
  let waiting: ((due: boolean) => void)[] = [];
  let closed = false;
  const dismiss = (): void => {
    for (const resolve of waiting.splice(0)) resolve(false);
  };
  return {
    turn: () => (closed ? Promise.resolve(false) : new Promise((resolve) => waiting.push(resolve))),
    next: () => waiting.shift()?.(true),
    dismiss,
    close() {
      closed = true;
      dismiss();
      waiting = [];
    },
  };
}

const ACTS = ['join', 'enter', 'leave', 'end', 'fail', 'turn', 'look', 'pause', 'resume'] as const;
/** What is done as often as this in a row: lines have to grow, and endpoints to ail, now and then. */
const TIMES: Partial<Record<(typeof ACTS)[number], number>> = { join: 6, enter: 5, turn: 4, look: 5 };

/** A line of three endpoints, with what became of the events in it. */
function scene(count: number, isPaced: boolean) {
  const pacing = isPaced ? turnsOnDemand() : undefined;
  const { line, lanes, permits } = testLine(count, { types: ['a', 'b', 'c'], pacing });
  const all = ['a', 'b', 'c'].map((type) => lanes.of(type));
  /** Events that stand in line and have not asked for anything; those sent and not over; those that ask. */
  const idle = new Map(all.map((lane) => [lane, 0]));
  const sent = new Map(all.map((lane) => [lane, 0]));
  const asking = new Map(all.map((lane) => [lane, 0]));
  const add = (of: Map<Lane, number>, lane: Lane, n: number): void =>
    void of.set(lane, (of.get(lane) ?? 0) + n);

  function end(lane: Lane, wasDelivered: boolean): void {
    if (sent.get(lane) === 0) return;
    add(sent, lane, -1);
    lane.ended(wasDelivered, 1_000);
    line.exit(lane);
  }

  function enter(lane: Lane): void {
    if (idle.get(lane) === 0) return;
    add(idle, lane, -1);
    add(asking, lane, 1);
    line.enter(lane, (granted) => {
      add(asking, lane, -1);
      if (granted) add(sent, lane, 1);
    });
  }

  const acts: Record<(typeof ACTS)[number], (lane: Lane) => void> = {
    join(lane) {
      line.join(lane);
      add(idle, lane, 1);
    },
    enter,
    leave(lane) {
      if (idle.get(lane) === 0) return;
      add(idle, lane, -1);
      line.leave(lane);
    },
    end: (lane) => end(lane, true),
    fail: (lane) => end(lane, false),
    turn: () => pacing?.next(),
    look: () => line.look(),
    pause: () => line.pause(),
    resume: () => line.resume(),
  };

  /** What is counted, and what it has to be. */
  function check(): void {
    const well = all.filter(({ isAiling }) => !isAiling);
    const found = [line.length, permits.inUse, ...all.flatMap((lane) => [lane.standing, lane.inFlight])];
    const due = [
      well.reduce((sum, { standing }) => sum + standing, 0),
      all.reduce((sum, { held }) => sum + held, 0),
      ...all.flatMap((lane) => [(idle.get(lane) ?? 0) + (asking.get(lane) ?? 0), sent.get(lane)]),
    ];
    expect(found).toEqual(due);
    const free = count - permits.inUse;
    expect(free).toBeGreaterThanOrEqual(0);
    const waitsInVain = (lane: Lane) => free > 0 && !lane.waiting.isEmpty && lanes.mayHold(lane);
    const isWrong = (lane: Lane) => lane.held < lane.inFlight || (!isPaced && lane.held > lane.inFlight);
    expect(all.filter((lane) => waitsInVain(lane) || isWrong(lane))).toEqual([]);
  }

  /** Lets all events come to their end, as at a stop: what stands in line leaves, what was sent ends. */
  function drain(): void {
    for (const lane of all) while (idle.get(lane) !== 0) enter(lane);
    line.close();
  }

  return { all, sent, acts, check, drain, end, line, permits };
}

test.each([
  ['without a rate', false],
  ['with a rate', true],
])(
  'however endpoints ail, recover, are paused and closed, all is counted and nothing is left: %s',
  async (_, isPaced) => {
    const steps = fc.array(fc.tuple(fc.constantFrom(...ACTS), fc.nat({ max: 2 })), {
      maxLength: 100,
      size: 'max',
    });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 12 }), steps, async (count, taken) => {
        const { all, sent, acts, check, drain, end, line, permits } = scene(count, isPaced);
        for (const [act, at] of taken) {
          for (let n = TIMES[act] ?? 1; n > 0; n -= 1) acts[act](all[at] as Lane);
          // A turn that came goes in a microtask.
          await Promise.resolve().then(() => {});
          check();
        }
        drain();
        await new Promise((resolve) => setImmediate(resolve));
        check();
        for (const lane of all) while (sent.get(lane) !== 0) end(lane, true);
        check();
        expect([line.length, permits.inUse]).toEqual([0, 0]);
        expect(all.map(({ standing, held, inFlight }) => standing + held + inFlight)).toEqual([0, 0, 0]);
      }),
      { numRuns: 60 },
    );
  },
);
