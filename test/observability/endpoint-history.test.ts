import { expect, test } from 'vitest';
import { DURATION_MS } from '../../src/core/delivery-meter.ts';
import { EndpointHistory, endpointName } from '../../src/observability/endpoint-history.ts';
import type { ClientView, EndpointView } from '../../src/queue/client-view.ts';

const NOTHING = { accepted: 0, delivered: 0, waiting: 0, retrying: 0, dead: 0, failedAttempts: {} };

interface Facts extends Partial<Omit<EndpointView, 'pace'>> {
  readonly pace?: Partial<EndpointView['pace']>;
}

/** What a reading of these endpoints of the client "acme" says. */
function reading(endpoints: Readonly<Record<string, Facts>>): ReadonlyMap<string, ClientView> {
  const views = Object.entries(endpoints).map(([type, { pace, ...facts }]) => [
    type,
    { ...NOTHING, ...facts, pace: { state: 'open', ...pace } },
  ]);
  return new Map([['acme', { endpoints: Object.fromEntries(views) } as ClientView]]);
}

function historyOf(...samples: Facts[]): EndpointHistory {
  const history = new EndpointHistory();
  for (const [n, a] of samples.entries()) history.note(reading({ a, idle: {} }), n * 10_000);
  return history;
}

test('a sample has what was counted since the one before, and what stands', () => {
  const history = historyOf(
    { accepted: 100, delivered: 90, failedAttempts: { dns: 7 }, waiting: 4, retrying: 1 },
    { accepted: 130, delivered: 100, failedAttempts: { dns: 9, refused: 1, crash: 2, redirect: 1 }, dead: 3 },
    { accepted: 130, delivered: 150, dead: 3, pace: { state: 'slowed', ratePerSecond: 2.5 } },
  );
  expect(history.at).toBe(20_000);
  const { failed, latency, ...rest } = history.read('acme', 'a');
  expect(rest).toEqual({
    accepted: [30, 0],
    delivered: [10, 50],
    waiting: [0, 0],
    dead: [3, 3],
    state: ['open', 'slowed'],
    ratePerSecond: [null, 2.5],
  });
  const none = [0, 0];
  expect(failed).toEqual({
    ...{ client_error: [1, 0], unauthorized: none, server_error: none },
    ...{ timeout: none, network: [3, 0], token_or_local: [2, 0] },
  });
  expect(latency).toEqual({ p50: [null, null], p90: [null, null], p99: [null, null] });
  expect(history.deliveredPerSecond('acme', 'a', 30)).toEqual([1, 5]);
  expect(history.deliveredPerSecond('acme', 'a', 1)).toEqual([5]);
});

test('counters that fall give 0', () => {
  const history = historyOf({ accepted: 100, delivered: 90 }, { accepted: 3 }, { accepted: 8 });
  expect(history.read('acme', 'a')).toMatchObject({ accepted: [0, 5], delivered: [0, 0] });
});

test('an endpoint at which nothing changes takes no memory, and still has its samples', () => {
  const history = historyOf({}, {}, { accepted: 1, waiting: 1 });
  expect(history.size).toBe(1);
  expect(history.read('acme', 'idle')).toMatchObject({ accepted: [0, 0], state: ['open', 'open'] });
  const paused = historyOf({ waiting: 5, accepted: 9 }, { waiting: 5, accepted: 9 });
  expect(paused.size).toBe(0);
  expect(paused.read('acme', 'a')).toMatchObject({ accepted: [0], waiting: [5] });
  expect(paused.has('acme', 'a')).toBe(true);
  expect([paused.has('acme', 'b'), paused.has('nobody', 'a')]).toEqual([false, false]);
  const late = historyOf({ waiting: 5 }, { waiting: 5 }, { waiting: 6 });
  expect(late.read('acme', 'a').waiting).toEqual([5, 6]);
});

test('an hour is kept; an endpoint that was quiet for so long, or is gone, takes no memory any more', () => {
  const history = new EndpointHistory();
  for (let n = 0; n <= 400; n++) history.note(reading({ a: { accepted: n } }), n * 10_000);
  expect(history.read('acme', 'a').accepted).toEqual(new Array(360).fill(1));
  for (let n = 401; n < 700; n++) history.note(reading({ a: { accepted: 400 } }), n * 10_000);
  expect(history.size).toBe(1);
  expect(history.read('acme', 'a').accepted.filter((one) => one === 1)).toHaveLength(61);
  for (let n = 700; n < 770; n++) history.note(reading({ a: { accepted: 400 } }), n * 10_000);
  expect(history.size).toBe(0);
  expect(history.read('acme', 'a').accepted).toEqual(new Array(360).fill(0));
  history.note(reading({ a: { accepted: 401 } }), 7_700_000);
  expect(history.size).toBe(1);
  history.note(reading({}), 7_710_000);
  expect(history.size).toBe(0);
});

test('samples that were missed share what was counted, and say that nobody looked', () => {
  const history = new EndpointHistory();
  history.note(reading({ a: {} }), 5_000);
  history.note(reading({ a: { accepted: 1 } }), 9_000);
  expect(history.at).toBeUndefined();
  history.note(reading({ a: { accepted: 10 } }), 41_000);
  expect(history.at).toBe(40_000);
  const { accepted, state } = history.read('acme', 'a');
  expect(accepted).toEqual([2, 3, 2, 3]);
  expect(state).toEqual(['unknown', 'unknown', 'unknown', 'open']);
  // The clock is put back by an hour.
  history.note(reading({ a: { accepted: 17 } }), -3_600_000);
  expect(history.read('acme', 'a').accepted).toEqual([2, 3, 2, 3, 7]);
});

test('percentiles come from the durations of the attempts of a sample', () => {
  const history = new EndpointHistory();
  history.note(reading({ a: {} }), 0);
  const counts = DURATION_MS.map(() => 0);
  // 90 attempts of 50 to 100 ms, 10 of 1 to 2.5 s.
  counts[6] = 90;
  counts[10] = 10;
  history.note(reading({ a: {} }), 10_000, new Map([[endpointName('acme', 'a'), counts]]));
  history.note(reading({ a: {} }), 20_000);
  const above = [...DURATION_MS.map(() => 0), 3];
  history.note(reading({ a: {} }), 30_000, new Map([[endpointName('acme', 'a'), above]]));
  expect(history.read('acme', 'a').latency).toEqual({
    p50: [77.778, null, 300_000],
    p90: [100, null, 300_000],
    p99: [2_350, null, 300_000],
  });
});
