import { expect, test } from 'vitest';
import { createSolitude } from '../../src/delivery/solitude.ts';

/** A promise to be kept by the test. */
function promised() {
  let keep = (): void => {};
  const kept = new Promise<void>((resolve) => {
    keep = resolve;
  });
  return { kept, keep };
}

const notLate = (): void => {
  throw new Error('this one is quick');
};

/** Lets everything happen that waits for nothing else. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('nobody waits while nobody wants to be alone', () => {
  expect(createSolitude().wait()).toBeUndefined();
});

test('an attempt that is alone begins when the others are over, and holds those that come meanwhile', async () => {
  const solitude = createSolitude();
  const attempt = promised();
  const order: string[] = [];
  solitude.begin();
  const alone = solitude.alone(async () => {
    order.push('alone');
    await attempt.kept;
  }, notLate);
  await turn();
  expect(order).toEqual([]);
  solitude.end();
  await turn();
  expect(order).toEqual(['alone']);
  const others = solitude.wait()?.then(() => order.push('others'));
  await turn();
  expect(order).toEqual(['alone']);
  attempt.keep();
  await Promise.all([alone, others]);
  expect(order).toEqual(['alone', 'others']);
  expect(solitude.wait()).toBeUndefined();
});

test('others go on between two attempts that are alone, and the two do not overlap', async () => {
  const solitude = createSolitude();
  const [first, second] = [promised(), promised()];
  const order: string[] = [];
  const run = (name: string, { kept }: { kept: Promise<void> }) =>
    solitude.alone(async () => {
      order.push(`${name} begins`);
      await kept;
      order.push(`${name} ends`);
    }, notLate);
  const runs = [run('first', first), run('second', second)];
  await turn();
  const others = solitude.wait()?.then(() => order.push('others'));
  first.keep();
  await others;
  second.keep();
  await Promise.all(runs);
  expect(order.filter((entry) => entry !== 'others')).toEqual([
    'first begins',
    'first ends',
    'second begins',
    'second ends',
  ]);
  expect(order).toContain('others');
});

test('an attempt that is alone and slow holds the others for a second, not for as long as it takes', async () => {
  const solitude = createSolitude();
  const never = promised();
  let late = false;
  const alone = solitude.alone(
    () => never.kept,
    () => {
      late = true;
    },
  );
  await turn();
  expect(late).toBe(false);
  await solitude.wait();
  expect(late).toBe(true);
  never.keep();
  await alone;
});

test('an attempt that fails alone lets the others go on', async () => {
  const solitude = createSolitude();
  await expect(solitude.alone(() => Promise.reject(new Error('broken')), notLate)).rejects.toThrow('broken');
  expect(solitude.wait()).toBeUndefined();
});
