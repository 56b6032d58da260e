import { expect, test } from 'vitest';
import type { Batch, StoredEvent, Suspected } from '../../src/core/event.ts';
import { createLostBatches } from '../../src/delivery/lost-batches.ts';
import type { TakenJob } from '../../src/queue/batch-worker.ts';

const events: StoredEvent[] = [{ id: 'e', type: 'x', unit: 'u', body: '{}' }];
const fail = async (): Promise<void> => {};
const batchOf = (suspected?: Suspected): Batch =>
  suspected === undefined ? { events } : { events, suspected };
const jobOf = (stalls: number, suspected?: Suspected, token = 'first'): TakenJob => ({
  id: 'job',
  token,
  data: batchOf(suspected),
  stalls,
  fail,
});
const comeBack = (lost: ReturnType<typeof createLostBatches>, job: TakenJob): TakenJob =>
  lost.comeBack(job, job.data as Batch);

test('a batch that was never lost here is judged as it stands', () => {
  const job = jobOf(2, { named: 1, late: 0 });
  expect(comeBack(createLostBatches(), job)).toBe(job);
});

test('the stall of a process that still lives does not count, nor what it had written', () => {
  const lost = createLostBatches();
  lost.remember(jobOf(3, { named: 1, late: 0, waited: 3 }));
  const again = jobOf(4, { named: 2, late: 0 }, 'second');
  expect(comeBack(lost, again)).toEqual({
    ...again,
    stalls: 3,
    data: batchOf({ named: 1, late: 0, waited: 3 }),
  });
});

test('what was not suspected before is not suspected then', () => {
  const lost = createLostBatches();
  lost.remember(jobOf(3));
  expect(comeBack(lost, jobOf(4, { named: 1, late: 0 }))).toMatchObject({ stalls: 3, data: { events } });
  expect(comeBack(lost, jobOf(4, { named: 1, late: 0 })).stalls).toBe(4);
});

test('where another process was lost with it in between, only its own stall is taken back', () => {
  const lost = createLostBatches();
  lost.remember(jobOf(3, { named: 1, late: 0 }));
  const again = jobOf(5, { named: 2, late: 0 });
  expect(comeBack(lost, again)).toEqual({ ...again, stalls: 4 });
});

test('a thousand are remembered, the latest', () => {
  const lost = createLostBatches();
  for (let n = 0; n < 1_001; n += 1) lost.remember({ ...jobOf(0), id: `job-${n}` });
  expect(comeBack(lost, { ...jobOf(1), id: 'job-0' }).stalls).toBe(1);
  expect(comeBack(lost, { ...jobOf(1), id: 'job-1' }).stalls).toBe(0);
});
