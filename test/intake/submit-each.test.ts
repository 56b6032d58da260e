import { expect, test } from 'vitest';
import type { SubmitResult } from '../../src/intake/submit-result.ts';
import type { WriteOutcome } from '../../src/queue/admit.ts';
import { numberedEvent, numberedEvents } from '../support/events.ts';
import { recordedIntake } from './support/recorded-intake.ts';

const TYPE = 'disposition_update';
const MOST_UNTAKEN = 1_000;

/** Payloads that come one by one, and how many of them were read. */
function countedSource(count: number) {
  const state = { read: 0, ended: false };
  async function* payloads() {
    try {
      for (let n = 0; n < count; n++) {
        state.read += 1;
        yield numberedEvent(TYPE, n);
      }
    } finally {
      state.ended = true;
    }
  }
  return { payloads: payloads(), state };
}

async function allOf(results: AsyncIterable<SubmitResult>): Promise<SubmitResult[]> {
  const all: SubmitResult[] = [];
  for await (const result of results) all.push(result);
  return all;
}

test('submitMany takes payloads that come one by one, and gives their results in the same order', async () => {
  const { intake, written } = recordedIntake();
  async function* payloads() {
    yield numberedEvent(TYPE, 0);
    yield {};
    yield numberedEvent(TYPE, 1);
  }
  const results = await intake.submitMany('acme', TYPE, payloads());
  expect(results.map(({ outcome }) => outcome)).toEqual(['accepted', 'refused', 'accepted']);
  const ids = results.flatMap((result) => (result.outcome === 'accepted' ? [result.id] : []));
  expect(written.flatMap(({ events }) => events.map(({ id }) => id))).toEqual(ids);
});

test('submitMany rejects with what its source throws, and what was read before is submitted', async () => {
  const { intake, written } = recordedIntake();
  async function* payloads() {
    yield numberedEvent(TYPE, 0);
    throw new Error('the database went away');
  }
  await expect(intake.submitMany('acme', TYPE, payloads())).rejects.toThrow('the database went away');
  await intake.close();
  expect(written.flatMap(({ events }) => events)).toHaveLength(1);
});

test.each([
  ['an array', (payloads: unknown[]) => payloads],
  [
    'an asynchronous source',
    async function* (payloads: unknown[]) {
      yield* payloads;
    },
  ],
])('submitEach gives the results of %s in its order, in full batches', async (_what, sourceOf) => {
  const { intake, written } = recordedIntake(
    () => new Promise((resolve) => setImmediate(resolve, { kind: 'committed' })),
  );
  const payloads: unknown[] = numberedEvents(TYPE, 2_500);
  payloads[17] = {};
  const keys: unknown[] = [];
  const idempotencyKeyOf = (_payload: unknown, index: number): string => {
    keys.push(index);
    return `key-${index}`;
  };
  const results = await allOf(intake.submitEach('acme', TYPE, sourceOf(payloads), { idempotencyKeyOf }));
  expect(results).toHaveLength(2_500);
  expect(results[17]).toMatchObject({ outcome: 'refused', code: 'INVALID_EVENT' });
  const ids = written.flatMap(({ events }) => events.map(({ id }) => id));
  expect(results.flatMap((result) => (result.outcome === 'accepted' ? [result.id] : []))).toEqual(ids);
  expect(keys).toEqual(Array.from({ length: 2_500 }, (_, n) => n).filter((n) => n !== 17));
  expect(written.length).toBeLessThan(200);
  expect(await allOf(intake.submitEach('nobody', TYPE, [{}]))).toMatchObject([{ code: 'UNKNOWN_CLIENT' }]);
});

test('submitEach hands out a result while its source waits for more', async () => {
  const { intake } = recordedIntake();
  let goOn = (): void => {};
  async function* payloads() {
    yield numberedEvent(TYPE, 0);
    await new Promise<void>((resolve) => {
      goOn = resolve;
    });
    yield numberedEvent(TYPE, 1);
  }
  const results = intake.submitEach('acme', TYPE, payloads());
  expect(await results.next()).toMatchObject({ done: false, value: { outcome: 'accepted' } });
  goOn();
  expect(await results.next()).toMatchObject({ done: false, value: { outcome: 'accepted' } });
  expect(await results.next()).toEqual({ done: true, value: undefined });
});

test('submitEach reads nothing before it is asked, and no further ahead of what was taken', async () => {
  const { intake } = recordedIntake();
  const { payloads, state } = countedSource(5_000);
  const results = intake.submitEach('acme', TYPE, payloads);
  await new Promise((resolve) => setImmediate(resolve));
  expect(state.read).toBe(0);
  for (let taken = 1; taken <= 2_000; taken++) {
    await results.next();
    if (taken % 250 > 0) continue;
    await new Promise((resolve) => setImmediate(resolve));
    expect(state.read).toBeGreaterThanOrEqual(taken);
    expect(state.read).toBeLessThanOrEqual(taken + MOST_UNTAKEN);
  }
});

test('submitEach waits for a slow Redis with as many events as it may read ahead', async () => {
  let write: (outcome: WriteOutcome) => void = () => {};
  const { intake } = recordedIntake(
    () =>
      new Promise((resolve) => {
        write = resolve;
      }),
  );
  const { payloads, state } = countedSource(5_000);
  const first = intake.submitEach('acme', TYPE, payloads).next();
  await expect.poll(() => state.read).toBe(MOST_UNTAKEN);
  await new Promise((resolve) => setImmediate(resolve));
  expect(state.read).toBe(MOST_UNTAKEN);
  write({ kind: 'committed' });
  expect(await first).toMatchObject({ value: { outcome: 'accepted' } });
});

test('submitEach throws what its source throws, behind the results of what was read before', async () => {
  const { intake } = recordedIntake();
  async function* payloads() {
    yield* numberedEvents(TYPE, 3);
    throw new Error('the database went away');
  }
  const seen: string[] = [];
  const reading = (async () => {
    for await (const { outcome } of intake.submitEach('acme', TYPE, payloads())) seen.push(outcome);
  })();
  await expect(reading).rejects.toThrow('the database went away');
  expect(seen).toEqual(['accepted', 'accepted', 'accepted']);
});

test('a loop that is left ends the reading, also of a source that never answers', async () => {
  const { intake, written } = recordedIntake();
  const { payloads, state } = countedSource(5_000);
  for await (const { outcome } of intake.submitEach('acme', TYPE, payloads)) {
    expect(outcome).toBe('accepted');
    break;
  }
  await expect.poll(() => state.ended).toBe(true);
  const { read } = state;
  await intake.close();
  // A payload that came when the loop was left may not be submitted any more.
  expect(read - written.flatMap(({ events }) => events).length).toBeLessThanOrEqual(1);

  async function* silent() {
    yield numberedEvent(TYPE, 0);
    await new Promise(() => {});
  }
  for await (const _result of recordedIntake().intake.submitEach('acme', TYPE, silent())) break;
});

test('a closed intake refuses what is read from then on', async () => {
  const { intake } = recordedIntake();
  const results = intake.submitEach('acme', TYPE, countedSource(3).payloads);
  expect(await results.next()).toMatchObject({ value: { outcome: 'accepted' } });
  await intake.close();
  const rest = await allOf(results);
  expect(rest).toHaveLength(2);
  expect(rest.at(-1)).toMatchObject({ outcome: 'refused', code: 'INTAKE_CLOSED' });
});
