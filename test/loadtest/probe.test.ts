import { expect, test } from 'vitest';
import { createCatchUpClock } from '../../src/loadtest/generator.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startProxy } from '../support/proxies.ts';
import { hold, slow } from '../support/replies.ts';
import { measured } from './measured-company.ts';

failOnLeaks();

const steady = (rate: number, seconds: number) => [
  { durationMs: seconds * 1_000, fromRate: rate, toRate: rate },
];

/** Keeps this process from doing anything else, as a generator that is too weak for its plan. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('an endpoint of 50 ms at 50/s: each request is sent at its own time, and is a sample of about 50 ms', async () => {
  const { company, effects, probe } = await measured({ script: slow(50) });
  const { observation, recorder } = await probe({ stages: steady(50, 3), warmupMs: 1_000 });
  expect(observation).toMatchObject({
    offered: 150,
    sent: 150,
    unsent: 0,
    delivered: 150,
    durationMs: 3_000,
  });
  expect([observation.response.total, observation.service.total, observation.lag.total]).toEqual([
    150, 150, 150,
  ]);
  expect(company.tally.received).toBe(200);
  expect(new Set(company.requests.map(({ eventId }) => eventId)).size).toBe(200);
  expect(company.requests[0]?.headers).toMatchObject({
    'x-waybill-loadtest': 'run-1',
    'x-waybill-attempt': '1',
  });
  // How much longer than 50 ms it takes is the machine's affair.
  expect(observation.response.countAtOrAbove(48)).toBe(150);
  expect(observation.service.countAtOrAbove(48)).toBe(150);
  expect(observation.response.percentileMs(10)).toBeLessThan(10_000);
  expect(observation.generator.sentShare).toBeGreaterThan(0);
  expect(recorder.seconds.rows.slice(0, 4).map(({ warmup, offered }) => [warmup, offered > 0])).toEqual([
    [true, true],
    [false, true],
    [false, true],
    [false, true],
  ]);
  expect(effects.nextEvent().unit).toMatch(/^LOADTEST-run-1-/);
});

test('a generator that stalls for a second: the response time shows it, and the service time does not', async () => {
  const { effects, company, probe } = await measured({});
  let made = 0;
  const nextEvent = () => {
    made += 1;
    if (made === 50) block(1_000);
    return effects.nextEvent();
  };
  const { observation } = await probe({ stages: steady(100, 3) }, { nextEvent });
  expect(observation).toMatchObject({ offered: 300, sent: 300, delivered: 300 });
  expect(company.tally.received).toBe(300);
  // A hundred fell due meanwhile, and about as many again until it had caught up.
  expect(observation.response.countAtOrAbove(500)).toBeGreaterThanOrEqual(50);
  expect(observation.response.percentileMs(99)).toBeGreaterThan(850);
  expect(observation.lag.percentileMs(99)).toBeGreaterThan(850);
  // However slow the machine is, it makes both longer.
  expect(observation.service.percentileMs(75)).toBeLessThan(observation.response.percentileMs(75));
});

test('while an endpoint holds its answers, later events are measured from their own intended times', async () => {
  const held = hold();
  const { company, probe } = await measured({});
  void company.waitFor(50).then(() => company.script(held.script));
  void company.waitFor(150).then(held.release);
  const { observation } = await probe({ stages: steady(100, 2) });
  expect(observation).toMatchObject({ offered: 200, delivered: 200 });
  // The 100 that were held came 10 ms apart: a sender that waits for answers would have seen one that is slow.
  expect(observation.response.countAtOrAbove(500)).toBeGreaterThan(35);
  expect(observation.response.percentileMs(99)).toBeGreaterThan(700);
});

test('a token that is revoked midway costs one token request, and no failure', async () => {
  const { company, tokenRequests, probe } = await measured({ auth: { type: 'oauth2' } });
  void company.waitFor(100).then(() => company.revokeTokens());
  const { observation } = await probe({ stages: steady(100, 2) });
  expect(observation).toMatchObject({ offered: 200, delivered: 200, byStatus: { 200: 200 } });
  expect(observation.byFailureClass).toEqual({});
  expect(company.tally.byAnswer.get('401')).toBeGreaterThan(0);
  expect(tokenRequests.length).toBe(2);
});

test('a 429 of our proxy is neither a status of the endpoint nor its limit', async () => {
  const proxy = await startProxy(() => 'HTTP/1.1 429 Slow Down\r\n\r\n');
  const { probe } = await measured({}, { proxy: proxy.url });
  const { observation } = await probe({ stages: steady(20, 1) });
  expect(observation).toMatchObject({ offered: 20, byStatus: {}, byFailureClass: { proxy: 20 } });
  expect(observation.declaredLimit).toBeUndefined();
});

test('unsent events and events without an answer count as the timeout in the response times', async () => {
  const { probe } = await measured({ script: 'hang' }, { timeoutMs: 5_000 });
  const { observation } = await probe({ stages: steady(20, 1), maxInFlight: 5 });
  expect(observation).toMatchObject({ offered: 20, sent: 5, unsent: 15, delivered: 0 });
  expect(observation.byFailureClass).toEqual({ timeout: 5 });
  expect(observation.response.countAtOrAbove(5_000)).toBe(20);
});

test('a generator catches up at twice the rate', () => {
  const dueUntil = createCatchUpClock(0);
  expect(dueUntil(2)).toBe(2);
  expect(dueUntil(1_002)).toBe(22);
  let now = 1_002;
  let due = 0;
  while (due < now) {
    now += 1;
    const next = dueUntil(now);
    if (due > 0) expect(next - due).toBeLessThanOrEqual(2);
    due = next;
  }
  expect(now).toBeGreaterThan(1_900);
});
