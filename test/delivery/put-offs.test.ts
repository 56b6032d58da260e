import { expect, test } from 'vitest';
import { createPutOffs, type PutOff } from '../../src/delivery/put-offs.ts';

function scene(fails = false) {
  const brought: PutOff[] = [];
  const errors: Error[] = [];
  const putOffs = createPutOffs({
    bringForward: async (batches) => {
      if (fails) throw new Error('Redis is away');
      brought.push(...batches);
    },
    onError: (error) => errors.push(error),
  });
  return { putOffs, brought, errors };
}

test('batches come back after three seconds, no more than 200 in a second, and none later than in ten minutes', () => {
  const { putOffs } = scene();
  const due = Array.from({ length: 200_000 }, () => putOffs.dueAt(1_000_000));
  expect(due[0]).toBe(1_003_000);
  expect(due[200]).toBe(1_004_000);
  expect(due.at(-1)).toBe(1_600_000);
  expect(putOffs.dueAt(2_000_000)).toBe(2_003_000);
});

test('what is brought forward is what was put off and has not come back', async () => {
  const { putOffs, brought } = scene();
  const all = Array.from({ length: 250 }, (_, n) => ({ id: `batch-${n}`, dueAt: putOffs.dueAt(n) }));
  for (const putOff of all) putOffs.note(putOff);
  putOffs.forget('batch-7');
  expect(putOffs.size).toBe(249);
  await putOffs.bringForward();
  expect(brought).toEqual(all.filter(({ id }) => id !== 'batch-7'));
  expect(putOffs.size).toBe(0);
  await putOffs.bringForward();
  expect(brought).toHaveLength(249);
  // The next ones begin anew.
  expect(putOffs.dueAt(1_000)).toBe(4_000);
});

test('where Redis fails, they come back when they are due', async () => {
  const { putOffs, errors } = scene(true);
  putOffs.note({ id: 'batch', dueAt: 1 });
  await putOffs.bringForward();
  expect(errors).toHaveLength(1);
  expect(putOffs.size).toBe(0);
});

test('those that another process took when they were due are not remembered for ever', async () => {
  const { putOffs, brought } = scene();
  for (const [id, now] of [
    ['first', 1_000],
    ['second', 2_000],
    ['later', 60_000],
  ] as const) {
    putOffs.note({ id, dueAt: putOffs.dueAt(now) });
  }
  // They are due at 4,000, 5,000 and 63,000; whoever takes them may be a little late.
  putOffs.forgetPast(5_000);
  expect(putOffs.size).toBe(3);
  putOffs.forgetPast(8_000);
  await putOffs.bringForward();
  expect(brought).toEqual([{ id: 'later', dueAt: 63_000 }]);
});

test('where the clock is set back, the next ones come back after three seconds by it', () => {
  const { putOffs } = scene();
  expect(putOffs.dueAt(4_000_000)).toBe(4_003_000);
  expect(putOffs.dueAt(400_000)).toBe(403_000);
  expect(putOffs.dueAt(400_000)).toBe(403_005);
});
