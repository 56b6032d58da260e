import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { OPEN_VERDICT } from '../../src/core/pace.ts';
import type { LoadReport } from '../../src/loadtest/load-report.ts';
import { paceKey } from '../../src/queue/names.ts';
import { dispositionsOf } from '../support/events.ts';
import { testRedis, testRedisPath, uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { isSignedBy, webhookSecret } from '../support/signatures.ts';
import { runWaybill, startWaybill, testDirectory } from '../support/waybill-process.ts';

const EASY = [
  '--slo',
  'delivered>50%',
  '--slo',
  'p50<30s',
  '--warmup',
  '0s',
  '--seed',
  '7',
  '--yes',
  '--json',
  '--quiet',
];

async function place(changes: Record<string, unknown> = {}) {
  const client = uniqueClientName();
  const company = await testSandbox().company(client, { auth: { type: 'oauth2' } });
  const settings = { ...company.clientSettings(), ...changes };
  const config = { redis: { url: testRedisPath() }, clients: { [client]: settings } };
  const args = ['loadtest', 'run', client, 'disposition_update', '--via', 'engine', ...EASY];
  return { client, company, config, args, directory: testDirectory() };
}

async function keysOf(...names: string[]): Promise<string[]> {
  const redis = testRedis();
  return (await Promise.all(names.map((name) => redis.keys(`*${name}*`)))).flat();
}

test('through the engine: its concurrency holds, the wait in the queue stands apart, Redis keeps nothing', async () => {
  const signing = { secrets: [webhookSecret(1)] };
  const { client, company, config, args, directory } = await place({ concurrency: 1, signing });
  // One in ten fails, and has no second attempt; one at a time takes longer than there is time for.
  company.script((_request, { total }) => ({
    status: total % 10 === 0 ? 500 : 200,
    delayMs: 50,
  }));
  const { code, stdout } = await runWaybill([...args, '--rate', '40', '--duration', '2s'], {
    directory,
    config,
  });
  const report: LoadReport = JSON.parse(stdout);
  // 5: a machine that is busy with other things keeps no generator to its plan.
  expect([0, 5]).toContain(code);
  expect(report.plan.via).toBe('engine');
  const [, run] = report.probes;
  expect(run).toMatchObject({ offered: 80, delivered: 72, failed: 8, byStatus: { 200: 72, 500: 8 } });
  expect(company.tally.received).toBe(81);
  const headers = company.requests.map((request) => request.headers);
  expect(new Set(headers.map((each) => each['x-waybill-loadtest']))).toEqual(new Set([report.runId]));
  expect(new Set(headers.map((each) => each['x-waybill-attempt']))).toEqual(new Set(['1']));
  expect(company.requests.every((request) => isSignedBy(webhookSecret(1), request))).toBe(true);
  expect(report.tokenRequests.total).toBe(1);
  // 80 times 50 ms are 4 s, and the last event came after 2.
  expect(run?.queue?.total).toBe(80);
  expect(run?.queue?.maxMs).toBeGreaterThan(1_500);
  expect(run?.service.percentiles['p50']).toBeLessThan(run?.queue?.percentiles['p50'] ?? 0);
  expect(await keysOf(client, report.runId)).toEqual([]);
});

test('SIGTERM ends a run through the engine with 143, and what waits in the queue is gone', async () => {
  const { client, company, config, args, directory } = await place({ concurrency: 1 });
  const file = join(directory, 'report.json');
  const more = ['--rate', '40', '--duration', '10m', '--max-requests', '50000', '--report', file];
  company.script({ status: 200, delayMs: 200 });
  const run = startWaybill([...args, ...more], { directory, config });
  await company.waitFor(10, { timeoutMs: 60_000 });
  run.signal('SIGTERM');
  expect(await run.exit).toEqual({ code: 143, signal: null });
  const report: LoadReport = JSON.parse(readFileSync(file, 'utf8'));
  expect(report.result).toMatchObject({ verdict: 'interrupted', exitCode: 143 });
  expect(report.probes[1]?.dropped).toBeGreaterThan(0);
  expect(await keysOf(client, report.runId)).toEqual([]);
});

test('without a Redis nothing is sent through the engine; repeated events cannot be', async () => {
  const { company, config, args, directory } = await place();
  const away = { ...config, redis: { url: '/nowhere/redis.sock' } };
  const alone = await runWaybill([...args, '--rate', '40'], { directory, config: away });
  expect([alone.code, JSON.parse(alone.stdout).error.code]).toEqual([4, 'REDIS_UNAVAILABLE']);
  const repeated = await runWaybill([...args, '--rate', '40', '--duplicates', '5%'], { directory, config });
  expect([repeated.code, JSON.parse(repeated.stdout).error.message]).toEqual([
    2,
    expect.stringContaining('--duplicates needs --via direct'),
  ]);
  expect(company.tally.received).toBe(0);
});

test('the pace neither slows a load test through the engine nor learns from it', async () => {
  const { client, company, config, args, directory } = await place();
  // The first request asks whether the endpoint works at all.
  company.script((_request, { total }) => (total === 1 ? 200 : 503));
  const key = paceKey(dispositionsOf(client));
  const verdict = JSON.stringify({ ...OPEN_VERDICT, number: 1, state: 'slowed', rate: 1, since: Date.now() });
  await testRedis().hset(key, { verdict });
  const run = [...args, '--rate', '40', '--duration', '2s'];
  const { stdout } = await runWaybill(run, { directory, config });
  const report: LoadReport = JSON.parse(stdout);
  // At one a second it would take more than a minute.
  expect(report.probes[1]).toMatchObject({ offered: 80, delivered: 0, byStatus: { 503: 80 } });
  expect(await testRedis().hgetall(key)).toEqual({ verdict });
  expect((await keysOf(client)).filter((each) => each.includes(':pace:'))).toEqual([key]);
});
