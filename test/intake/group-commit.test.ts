import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WaybillError } from '../../src/core/waybill-error.ts';
import { Backlog } from '../../src/intake/backlog.ts';
import { GroupCommit } from '../../src/intake/group-commit.ts';
import type { NewBatch, WriteOutcome } from '../../src/queue/admit.ts';
import { storedEvent } from '../support/events.ts';

const COMMITTED: WriteOutcome = { kind: 'committed' };

/** A write that has begun, to be ended by the test. */
interface Write {
  readonly batches: readonly NewBatch[];
  end(outcome?: WriteOutcome): Promise<void>;
}

interface Limits {
  readonly batchSize?: number;
  readonly maxBatchBytes?: number;
  readonly maxEvents?: number;
  readonly maxBytes?: number;
}

/** A group commit whose writes end when the test says so. */
function grouped({
  batchSize = 50,
  maxBatchBytes = 1_000,
  maxEvents = 10_000,
  maxBytes = 10_000_000,
}: Limits = {}) {
  const writes: Write[] = [];
  const outcomes = new Map<number, WriteOutcome>();
  let ids = 0;
  const backlog = new Backlog(maxEvents, maxBytes);
  const commit = new GroupCommit({
    write: (batches) =>
      new Promise((resolve) => {
        const end = (outcome: WriteOutcome = COMMITTED): Promise<void> => {
          resolve(outcome);
          return turn();
        };
        writes.push({ batches, end });
      }),
    newBatchId: () => `batch-${ids++}`,
    batchSize,
    maxBatchBytes,
    backlog,
  });
  const add = (n: number, bytes = 1, key?: string): void => {
    const keyed = key === undefined ? undefined : { key, fingerprint: '' };
    commit.add({ event: storedEvent(n), bytes, key: keyed }, (outcome) => outcomes.set(n, outcome));
  };
  return { commit, backlog, writes, outcomes, add };
}

/** Lets everything happen that waits for nothing else. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const sizesOf = (write: Write | undefined): number[] =>
  (write?.batches ?? []).map(({ events }) => events.length);
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

test('a single event is written at once, and its outcome is told when the write ends', async () => {
  const { add, writes, outcomes } = grouped();
  add(1);
  await turn();
  expect(writes.map((write) => write.batches)).toEqual([[{ id: 'batch-0', events: [storedEvent(1)] }]]);
  expect(outcomes.size).toBe(0);
  await writes[0]?.end();
  expect(outcomes.get(1)).toEqual(COMMITTED);
});

test('events of one turn share a batch; events that come during a write share the next one', async () => {
  const { add, writes } = grouped();
  for (const n of range(0, 3)) add(n);
  await turn();
  for (const n of range(3, 10)) add(n);
  await turn();
  expect(writes.map(sizesOf)).toEqual([[3]]);
  await writes[0]?.end();
  expect(writes.map(sizesOf)).toEqual([[3], [7]]);
  await writes[1]?.end();
  expect(writes).toHaveLength(2);
  add(10);
  await turn();
  expect(sizesOf(writes[2])).toEqual([1]);
  expect(writes.flatMap((write) => write.batches.map(({ id }) => id))).toEqual([
    'batch-0',
    'batch-1',
    'batch-2',
  ]);
});

test('a batch stays within its events and bytes, and a write within twenty batches', async () => {
  const { add, writes } = grouped({ batchSize: 4, maxBatchBytes: 10 });
  for (const n of range(0, 100)) add(n);
  await turn();
  expect(sizesOf(writes[0])).toEqual(range(0, 20).map(() => 4));
  for (const [i, bytes] of [6, 4, 1, 11, 10, 5, 5, 5].entries()) add(100 + i, bytes);
  await writes[0]?.end();
  // The eleven bytes are more than a batch should hold: they travel by themselves.
  expect(sizesOf(writes[1])).toEqual([4, 4, 4, 4, 4, 2, 1, 1, 1, 2, 1]);
});

test('a batch carries the keys of its events; a batch of events without keys carries none', async () => {
  const { add, writes } = grouped({ batchSize: 2 });
  for (const n of range(0, 6)) add(n, 1, n === 3 || n === 4 ? `key-${n}` : undefined);
  await turn();
  const keys = writes[0]?.batches.map((batch) => batch.keys?.map((key) => key?.key));
  expect(keys).toEqual([undefined, [undefined, 'key-3'], ['key-4', undefined]]);
  await writes[0]?.end();
  add(6);
  await turn();
  expect(writes[1]?.batches).toEqual([{ id: 'batch-3', events: [storedEvent(6)] }]);
  await writes[1]?.end();
  add(7, 1, 'key-7');
  await turn();
  expect(writes[2]?.batches[0]?.keys).toEqual([{ key: 'key-7', fingerprint: '' }]);
});

test('a second write begins during the first only if it is full; a third one waits', async () => {
  const { add, writes, outcomes } = grouped({ batchSize: 1 });
  add(0);
  await turn();
  for (const n of range(1, 20)) add(n);
  await turn();
  expect(writes.map((write) => sizesOf(write).length)).toEqual([1]);
  for (const n of range(20, 50)) add(n);
  await turn();
  expect(writes.map((write) => sizesOf(write).length)).toEqual([1, 20]);
  await writes[1]?.end();
  expect([...outcomes.keys()]).toEqual(range(1, 21));
  expect(writes.map((write) => sizesOf(write).length)).toEqual([1, 20, 20]);
  await writes[2]?.end();
  expect(writes).toHaveLength(3);
  await writes[0]?.end();
  expect(writes.map((write) => sizesOf(write).length)).toEqual([1, 20, 20, 9]);
});

test.each(['refused', 'unknown'] as const)(
  'a write that is %s: its own events get this outcome, and no other event does',
  async (kind) => {
    const { add, writes, outcomes } = grouped({ batchSize: 2 });
    const outcome: WriteOutcome = { kind, error: new WaybillError('REDIS_REFUSED', 'Redis') };
    for (const n of range(0, 3)) add(n);
    await turn();
    add(3);
    await writes[0]?.end(outcome);
    expect([...outcomes]).toEqual([0, 1, 2].map((n) => [n, outcome]));
    await writes[1]?.end();
    expect(outcomes.get(3)).toEqual(COMMITTED);
  },
);

test('the backlog is full while 30 of 30 events wait, and has room once some are on their way', async () => {
  const { backlog, add, writes } = grouped({ batchSize: 1, maxEvents: 30 });
  for (const n of range(0, 29)) add(n);
  expect(backlog.isFull).toBe(false);
  add(29);
  expect(backlog.isFull).toBe(true);
  await turn();
  // Twenty of them are on their way by now.
  expect(backlog.isFull).toBe(false);
  await backlog.room();
  for (const n of range(30, 70)) add(n);
  expect(backlog.isFull).toBe(true);
  let hasRoom = false;
  const room = backlog.room().then(() => {
    hasRoom = true;
  });
  await turn();
  // Another twenty are: thirty wait still.
  expect(writes).toHaveLength(2);
  expect(hasRoom).toBe(false);
  await writes[0]?.end();
  await room;
  expect(backlog.isFull).toBe(false);
});

test('the backlog is full while 100 of 100 bytes wait', async () => {
  const { backlog, add, writes } = grouped({ batchSize: 1, maxBytes: 100 });
  add(0, 60);
  expect(backlog.isFull).toBe(false);
  add(1, 40);
  expect(backlog.isFull).toBe(true);
  await turn();
  expect(backlog.isFull).toBe(false);
  add(2, 500);
  expect(backlog.isFull).toBe(true);
  const room = backlog.room();
  await writes[0]?.end();
  await writes[1]?.end();
  await room;
  expect(backlog.isFull).toBe(false);
});

test('drain resolves after all waiting events and writes under way have ended', async () => {
  const { commit, add, writes } = grouped({ batchSize: 1 });
  await commit.drain();
  for (const n of range(0, 25)) add(n);
  let drained = false;
  const drain = commit.drain().then(() => {
    drained = true;
  });
  await turn();
  await writes[0]?.end();
  expect(drained).toBe(false);
  await writes[1]?.end();
  await drain;
  expect(writes.flatMap(sizesOf)).toHaveLength(25);
});

test('random bursts: each event is written once, in order, within the limits of a batch', async () => {
  const bursts = fc.array(fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 60 }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(bursts, fc.integer({ min: 1, max: 10 }), async (sizes, batchSize) => {
      const { commit, add, writes, outcomes } = grouped({ batchSize, maxBatchBytes: 40, maxEvents: 20 });
      const bytesOf = new Map<string, number>();
      let added = 0;
      let ended = 0;
      for (const burst of sizes) {
        for (const bytes of burst) {
          bytesOf.set(`event-${added}`, bytes);
          add(added, bytes);
          added += 1;
        }
        await turn();
        if (added % 2 === 0 && ended < writes.length) await writes[ended++]?.end();
      }
      while (ended < writes.length) await writes[ended++]?.end();
      await commit.drain();
      const batches = writes.flatMap((write) =>
        write.batches.map(({ events }) => events.map(({ id }) => id)),
      );
      expect(batches.flat()).toEqual(range(0, added).map((n) => `event-${n}`));
      expect(outcomes.size).toBe(added);
      for (const batch of batches) {
        const bytes = batch.reduce((sum, id) => sum + (bytesOf.get(id) ?? 0), 0);
        expect(batch.length).toBeGreaterThan(0);
        expect(batch.length).toBeLessThanOrEqual(batchSize);
        expect(bytes).toBeLessThanOrEqual(40);
      }
    }),
    { numRuns: 30 },
  );
});
