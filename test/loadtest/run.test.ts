import { decodeFromCompressedBase64 } from 'hdr-histogram-js';
import { expect, test } from 'vitest';
import { buildReport } from '../../src/loadtest/build-load-report.ts';
import { type FindPlan, findLimit } from '../../src/loadtest/find-limit/find-limit.ts';
import { estimateDeclaredLimit, recordProbe } from '../../src/loadtest/find-limit/search-probe.ts';
import { SendBudget } from '../../src/loadtest/generator.ts';
import { LatencyHistogram } from '../../src/loadtest/latency-histogram.ts';
import { parseObjectives } from '../../src/loadtest/objectives.ts';
import { type RunPlan, runLoad } from '../../src/loadtest/run.ts';
import { onLimitMeasured } from '../../src/loadtest/stop-rules.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startProcessClock } from '../support/process-time.ts';
import { type Measured, measured } from './measured-company.ts';

failOnLeaks();

function objectivesOf(...texts: string[]) {
  const parsed = parseObjectives(texts);
  if (!parsed.ok) throw new Error(parsed.problems.join());
  return parsed.value;
}

/** A generator that keeps to its plan on every machine: while others have the processor, its time stands still. */
async function measuredInItsTime(options: Parameters<typeof measured>[0]): Promise<Measured> {
  const scene = await measured(options);
  return { ...scene, effects: { ...scene.effects, now: startProcessClock() } };
}

const NEVER = { text: 'failed>100% for 1h', share: 1, windowMs: 3_600_000 };

function planOf(ratePerSecond: number, changes: Partial<RunPlan> = {}): RunPlan {
  return {
    label: 'run',
    stages: [{ durationMs: 1_000, fromRate: ratePerSecond, toRate: ratePerSecond }],
    warmupMs: 0,
    arrivals: 'constant',
    seed: 1,
    maxInFlight: 1_000,
    timeoutMs: 15_000,
    objectives: objectivesOf('delivered>80%', 'p90<10s'),
    abort: NEVER,
    ...changes,
  };
}

test('objectives that are met end with 0, one that is missed with 3', async () => {
  const { company, effects } = await measuredInItsTime({});
  const met = await runLoad(planOf(50), effects);
  expect(met.result).toMatchObject({ verdict: 'met', exitCode: 0 });
  expect(met.probes.map(({ purpose }) => purpose)).toEqual(['preflight', 'run']);
  company.script((_request, seen) => (seen.total % 2 === 1 ? 500 : 200));
  const missed = await runLoad(planOf(100), effects);
  expect(missed.result).toMatchObject({ verdict: 'missed', exitCode: 3 });
  expect(missed.result.reasons.join()).toContain('delivered>80% is missed');
});

test('a first event that is not delivered ends a run with 4, and nothing more is sent', async () => {
  const { company, effects } = await measured({ script: 503 });
  const { result } = await runLoad(planOf(50), effects);
  expect(result).toMatchObject({ verdict: 'stopped', exitCode: 4 });
  expect(result.sentence).toContain('status 503');
  expect(company.tally.received).toBe(1);
});

test('a limit that the endpoint declares, and refused credentials, end a run with 4 before its time', async () => {
  const { company, effects } = await measured({});
  const long = planOf(0, { stages: [{ durationMs: 60_000, fromRate: 50, toRate: 50 }] });
  for (const [script, why] of [
    [429, 'declared its limit with status 429'],
    [401, 'answered 401'],
  ] as const) {
    const before = company.tally.received;
    company.script((_request, seen) => (seen.total - before > 30 ? script : 200));
    const { result } = await runLoad(long, effects);
    expect(result).toMatchObject({ verdict: 'stopped', exitCode: 4 });
    expect(result.sentence).toContain(why);
  }
});

test('a run whose generator cannot keep to its plan is inconclusive, even if an objective is met', async () => {
  const { effects } = await measured({ script: 500 });
  const busy = {
    ...effects,
    // The preflight is delivered; after it every event takes the processor longer than there is time for it.
    send: async () => ({ classification: { kind: 'delivered', status: 200 }, tokenMs: 0 }) as const,
    nextEvent() {
      const end = performance.now() + 15;
      while (performance.now() < end);
      return effects.nextEvent();
    },
  };
  const { result, probes } = await runLoad(planOf(200, { objectives: objectivesOf('delivered>1%') }), busy);
  expect(result).toMatchObject({ verdict: 'inconclusive', exitCode: 5 });
  expect(result.reasons.join()).toContain('the generator');
  expect(probes.at(-1)?.objectives.map(({ verdict }) => verdict)).toEqual(['met']);
});

function searchPlan(changes: Partial<FindPlan> = {}): FindPlan {
  return {
    search: {
      arrivals: 'constant',
      seed: 1,
      warmupMs: 0,
      startRate: 40,
      maxRate: 1_000,
      precision: 0.3,
      probeMs: 2_000,
      confirmMs: 2_000,
      budgetMs: 600_000,
      maxRequests: 100_000,
      objectives: objectivesOf('delivered>80%', 'p90<10s'),
    },
    timeoutMs: 15_000,
    maxInFlight: undefined,
    abort: NEVER,
    ...changes,
  };
}

test('429 from some rate on: the search ends with the rate that the endpoint declared', async () => {
  let refuses = false;
  const { company, effects } = await measuredInItsTime({
    script: (_request, { total }) => (refuses && total % 5 === 0 ? 429 : 200),
  });
  const rates: number[] = [];
  const { result } = await findLimit(searchPlan(), {
    ...effects,
    onProbe({ plannedRatePerSecond }) {
      rates.push(plannedRatePerSecond);
      refuses = rates.at(-1) === 80;
    },
  });
  expect(rates.slice(1)).toEqual([40, 80, 160]);
  expect(result).toMatchObject({ verdict: 'met', exitCode: 0, limit: { kind: 'rate-limited', status: 429 } });
  expect(result.sentence).toContain('rate limited by the endpoint at about');
  expect(company.tally.byAnswer.get('429')).toBeGreaterThan(0);
});

test('a declared limit is what the endpoint lets through, also if it refuses during the warm-up', async () => {
  const { probe } = await measured({ script: (_request, { total }) => (total % 10 < 3 ? 429 : 200) });
  const step = { kind: 'probe', purpose: 'ramp', ratePerSecond: 100, durationMs: 10_000 } as const;
  const stages = [{ durationMs: step.durationMs, fromRate: 100, toRate: 100 }];
  const { observation, stopped } = await probe({ stages, warmupMs: 1_500 }, {}, onLimitMeasured);
  expect(stopped?.kind).toBe('overload');
  const { delivered, sent, durationMs } = observation;
  // Seven of ten, and a few in which it was stopped.
  expect(delivered / sent).toBeGreaterThan(0.6);
  expect(delivered / sent).toBeLessThan(0.8);
  const record = recordProbe(step, observation, searchPlan().search);
  expect(record).toMatchObject({ verdict: 'declared', passed: false });
  expect(estimateDeclaredLimit(record, 1)).toBe(delivered / (durationMs / 1_000));
});

test('a first event that is not delivered ends a search with 4, and nothing more is sent', async () => {
  const { company, effects } = await measured({ script: 404 });
  const { result, probes } = await findLimit(searchPlan(), effects);
  const sentence = 'the first request was not delivered: status 404';
  expect(result).toMatchObject({ verdict: 'stopped', exitCode: 4, sentence, limit: { kind: 'none' } });
  expect(probes).toMatchObject([{ purpose: 'preflight', verdict: 'missed' }]);
  expect(company.tally.received).toBe(1);
});

test("a search that ends at its generator's limit says why the generator could not go further", async () => {
  const { effects } = await measured({});
  let rate = 0;
  const weak = {
    ...effects,
    onProgress: (view: { readonly plannedRatePerSecond: number }) => {
      rate = view.plannedRatePerSecond;
    },
    nextEvent() {
      // Beyond the first rate every event takes the processor longer than there is time for it.
      const end = performance.now() + (rate > 45 && rate < 1_000 ? 30 : 0);
      while (performance.now() < end);
      return effects.nextEvent();
    },
  };
  const { search } = searchPlan();
  const { result } = await findLimit(searchPlan({ search: { ...search, probeMs: 1_000 } }), weak);
  expect(result).toMatchObject({ exitCode: 5, limit: { because: 'generator' } });
  expect(result.reasons.join()).toMatch(/the generator (attended to|was late|was busy)/);
});

test('a search stops at exactly as many requests as may be sent, waits for the endpoint included', async () => {
  const { company, effects } = await measuredInItsTime({});
  const { search } = searchPlan();
  const labels: string[] = [];
  const bounded = {
    ...effects,
    budget: new SendBudget(180),
    onProgress: ({ label }: { readonly label: string }) => labels.push(label),
  };
  // The search believes that it may send more: each time it is stopped by what sends.
  const plan = searchPlan({ search: { ...search, probeMs: 1_000, confirmMs: 60_000, maxRate: 80 } });
  const { result, probes } = await findLimit(plan, bounded);
  expect(company.tally.received).toBe(180);
  expect(labels).toContain('settling');
  expect(result).toMatchObject({
    verdict: 'stopped',
    exitCode: 4,
    sentence: 'stopped: all 180 requests that may be sent were sent; at least 80/s, not confirmed',
    limit: { kind: 'at-least', ratePerSecond: 80, because: 'guard', confirmed: false },
  });
  // What was due next is no fault of the generator, nor of the endpoint.
  const last = probes.at(-1)?.observation;
  expect(last).toMatchObject({
    offered: last?.sent,
    delivered: last?.sent,
    cutShort: 'all 180 requests that may be sent were sent',
    generator: { sentShare: 1 },
  });
});

test('a search that is interrupted in its confirmation says what had passed by then', async () => {
  const { company, effects } = await measuredInItsTime({});
  const { search } = searchPlan();
  const interruption = new AbortController();
  void company.waitFor(60, { timeoutMs: 60_000 }).then(() => interruption.abort(130));
  const plan = searchPlan({ search: { ...search, probeMs: 1_000, confirmMs: 60_000, maxRate: 40 } });
  const { result, probes } = await findLimit(plan, { ...effects, interrupted: interruption.signal });
  expect(probes.at(-1)?.purpose).toBe('confirm');
  expect(result).toMatchObject({
    verdict: 'interrupted',
    exitCode: 130,
    sentence: 'interrupted: at least 40/s, not confirmed; the probes until then are in the report',
    limit: { ratePerSecond: 40, confirmed: false },
  });
});

test('the report holds what was measured, examples of each outcome, and no secret', async () => {
  const token = 'tell-nobody-this-token';
  const { effects } = await measuredInItsTime({
    auth: { type: 'bearer', token },
    script: ({ headers }, seen) =>
      seen.total % 4 === 0 ? { status: 422, body: JSON.stringify({ got: headers.authorization }) } : 200,
  });
  const outcome = await runLoad(
    planOf(100, { objectives: objectivesOf('delivered>50%', 'p90<10s') }),
    effects,
  );
  const report = buildReport(
    {
      kind: 'run',
      waybill: '0.0.0',
      runId: 'run-1',
      label: 'before go-live',
      startedAt: '2026-01-01T00:00:00.000Z',
      endedAt: '2026-01-01T00:00:01.000Z',
      command: 'waybill loadtest run acme disposition_update --rate 100/s',
      target: { client: 'acme', types: [], urls: [], auth: 'bearer', timeoutMs: 15_000, concurrency: 32 },
      plan: {
        via: 'direct',
        arrivals: 'constant',
        seed: 1,
        warmupMs: 0,
        stages: [],
        objectives: ['delivered>50%'],
        maxInFlight: 1_000,
        payloads: 'generated',
        duplicates: 0,
      },
      beganAt: 0,
      tokenRequests: new LatencyHistogram(),
    },
    outcome,
  );
  const run = report.probes[1];
  expect(report).toMatchObject({
    version: 1,
    label: 'before go-live',
    result: { verdict: 'met', exitCode: 0 },
  });
  expect(run).toMatchObject({ purpose: 'run', offered: 100, sent: 100, delivered: 75, failed: 25 });
  expect(run?.byStatus).toEqual({ 200: 75, 422: 25 });
  expect(run?.outcomes.map(({ count, examples }) => [count, examples.length])).toEqual([
    [75, 3],
    [25, 3],
  ]);
  expect(run?.response.percentiles).toMatchObject({ p50: expect.any(Number), p99: null });
  expect(run?.response.curve.at(-1)?.[0]).toBe(100);
  expect(decodeFromCompressedBase64(run?.response.histogram ?? '').totalCount).toBe(100);
  expect(run?.seconds.reduce((sum, { offered }) => sum + offered, 0)).toBe(100);
  expect(JSON.stringify(report)).toContain('***');
  expect(JSON.stringify(report)).not.toContain(token);
});
