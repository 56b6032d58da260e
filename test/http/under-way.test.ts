import { expect, test } from 'vitest';
import { type Limited, UnderWay } from '../../src/http/under-way.ts';

/** A request that tells what became of it, and leaves when it is ended. */
function request(underWay: UnderWay, dueAt: number, signal?: AbortSignal, allowance = 1) {
  let end: (how: string) => void = () => {};
  const ended = new Promise<string>((resolve) => {
    end = resolve;
  });
  const limited: Limited = {
    dueAt,
    signal,
    allowance,
    place: 0,
    end: (why) => {
      underWay.delete(limited);
      const early = why === 'timeout' && performance.now() < dueAt;
      end(early ? 'early' : why);
    },
  };
  underWay.add(limited);
  return { limited, ended };
}

test('ends each when its time is over and not before, whatever order they came in', async () => {
  const underWay = new UnderWay();
  const now = performance.now();
  const [far, ...near] = [600_000, 10, 60, 30].map((ms) => request(underWay, now + ms));
  const ended = await Promise.all(near.map((one) => one.ended));
  expect(ended).toEqual(Array(3).fill('timeout'));
  expect(await Promise.race([far?.ended, 'still under way'])).toBe('still under way');
  if (far !== undefined) underWay.delete(far.limited);
});

test('leaves alone what is over', async () => {
  const underWay = new UnderWay();
  const gone = request(underWay, performance.now());
  underWay.delete(gone.limited);
  const other = request(underWay, performance.now() + 30);
  expect(await Promise.race([gone.ended, other.ended.then(() => 'the other one')])).toBe('the other one');
});

test('a signal calls off its own requests, however the signals alternate', async () => {
  const underWay = new UnderWay();
  const far = performance.now() + 60_000;
  const [one, two] = [new AbortController(), new AbortController()];
  const ofOne = [request(underWay, far, one.signal)];
  const ofTwo = [request(underWay, far, two.signal)];
  ofOne.push(request(underWay, far, one.signal));
  const ofNone = request(underWay, performance.now() + 30);
  one.abort();
  expect(await Promise.all(ofOne.map(({ ended }) => ended))).toEqual(['aborted', 'aborted']);
  expect(await Promise.race([...ofTwo, ofNone].map(({ ended }) => ended))).toBe('timeout');
  two.abort();
  expect(await ofTwo[0]?.ended).toBe('aborted');
});

test('ends requests with more bytes than any answer takes, long before their deadline', async () => {
  const underWay = new UnderWay();
  const abort = new AbortController();
  const patient = request(underWay, performance.now() + 60_000, abort.signal, 0);
  const flooded = request(underWay, performance.now() + 60_000, abort.signal, -1);
  expect(await flooded.ended).toBe('flood');
  abort.abort();
  expect(await patient.ended).toBe('aborted');
});

test('those whose time ends together do not keep others waiting until all of them are ended', async () => {
  const underWay = new UnderWay();
  const dueAt = performance.now() + 10;
  const all = Array.from({ length: 40 }, () => request(underWay, dueAt));
  let ended = 0;
  for (const one of all) void one.ended.then(() => (ended += 1));
  await all[0]?.ended;
  await new Promise((resolve) => setImmediate(resolve));
  expect(ended).toBeGreaterThan(0);
  expect(ended).toBeLessThan(40);
  expect(await Promise.all(all.map((one) => one.ended))).toEqual(Array(40).fill('timeout'));
});
