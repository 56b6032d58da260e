import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { LoadReport } from '../../src/loadtest/load-report.ts';
import type { ClientSettings } from '../../src/sandbox/company.ts';
import { addLetters, letter } from '../api/dead-letters.ts';
import { sampleEvent } from '../support/events.ts';
import { testRedis, testRedisPath, uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { runWaybill, startWaybill, testDirectory } from '../support/waybill-process.ts';

const RUN = ['loadtest', 'run', 'acme', 'disposition_update'];
/** What a slow machine keeps to as well. */
const EASY = ['--slo', 'delivered>80%', '--slo', 'p90<10s', '--warmup', '0s', '--seed', '7'];

const HEADERS = { 'X-Tenant': 'returns', 'Content-Type': 'application/json; charset=utf-8' };

async function acme(settings: Partial<ClientSettings> = {}) {
  const company = await testSandbox().company('acme', { auth: { type: 'oauth2' } });
  const directory = testDirectory();
  return { company, directory, config: { clients: { acme: company.clientSettings(settings) } } };
}

test('a run that meets its objectives ends with 0; stdout has twelve lines or so, the file all of it', async () => {
  const { company, directory, config } = await acme({ headers: HEADERS });
  const file = join(directory, 'report.json');
  const page = join(directory, 'report.html');
  const files = ['--report', file, '--html', page];
  const args = [...RUN, '--rate', '50', '--duration', '2s', ...EASY, '--yes', ...files, '--label', 'one'];
  const { code, stdout, stderr } = await runWaybill(args, { directory, config });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^met: all objectives are met$/m);
  expect(stdout).toMatch(
    /^objectives {2}delivered>80% met \(100 % delivered\), p90<10s met \(p90 \S+ m?s\)$/m,
  );
  expect(stdout).toMatch(/^run 50\/s \d+ s: offered \d+, delivered \d+/m);
  const report: LoadReport = JSON.parse(readFileSync(file, 'utf8'));
  expect(report).toMatchObject({ version: 1, kind: 'run', label: 'one', result: { exitCode: 0 } });
  expect(stdout).toContain(`${file}, ${page}`);
  expect(readFileSync(page, 'utf8')).toContain('<title>Load test of acme: met, ');
  expect(report.probes[1]).toMatchObject({ offered: 100, delivered: 100 });
  expect(report.tokenRequests.total).toBe(1);
  expect(report.command).toContain('waybill loadtest run acme disposition_update --rate 50');
  expect(report.target.urls).toEqual([`${company.baseUrl}/dispositions`]);
  expect(company.tally.received).toBe(101);
  const marks = new Set(company.requests.map(({ headers }) => headers['x-waybill-loadtest']));
  expect([...marks]).toEqual([report.runId]);
  const types = company.requests.map(({ headers }) => [headers['x-tenant'], headers['content-type']].join());
  expect(new Set(types)).toEqual(new Set(['returns,application/json; charset=utf-8']));
});

test('Ctrl-C ends a run with 130, and with the report of what was measured', async () => {
  const { company, directory, config } = await acme();
  const args = [...RUN, '--rate', '50', '--duration', '10m', ...EASY, '--yes', '--json'];
  const run = startWaybill(args, { directory, config });
  await company.waitFor(60, { timeoutMs: 60_000 });
  run.signal('SIGINT');
  expect(await run.exit).toEqual({ code: 130, signal: null });
  const report: LoadReport = JSON.parse(run.stdout);
  expect(report.result).toMatchObject({ verdict: 'interrupted', exitCode: 130 });
  expect(report.probes[1]).toMatchObject({ cutShort: 'interrupted' });
  expect(report.probes[1]?.delivered).toBe(company.tally.received - 1);
});

test('nothing is sent to a client whose configuration does not permit it, nor beyond what it permits', async () => {
  const { company, directory, config } = await acme();
  const elsewhere = { ...config.clients.acme, baseUrl: 'https://returns.acme.example' };
  const refused = async (client: object, ...more: string[]) => {
    const args = [...RUN, ...more, '--yes', '--json'];
    const { code, stdout } = await runWaybill(args, { directory, config: { clients: { acme: client } } });
    return [code, JSON.parse(stdout).error.message];
  };
  expect(await refused(elsewhere, '--rate', '10')).toEqual([
    2,
    expect.stringContaining('loadtest: { allowed: true'),
  ]);
  expect(await refused(config.clients.acme, '--rate', '10', '--max-requests', '20')).toEqual([
    2,
    expect.stringContaining('are more than the 20 permitted'),
  ]);
  expect(await refused(config.clients.acme)).toEqual([2, expect.stringContaining('--rate or --stages')]);
  // What was measured would be lost at the end.
  expect(
    await refused(config.clients.acme, '--rate', '10', '--report', join(directory, 'no/r.json')),
  ).toEqual([2, expect.stringContaining('no/r.json cannot be written (ENOENT)')]);
  expect(company.tally.received).toBe(0);
});

test('a second Ctrl-C ends it at once, whatever is still in flight', async () => {
  const { company, directory, config } = await acme();
  company.script((_request, { total }) => ({ status: 200, delayMs: total > 1 ? 60_000 : 0 }));
  const args = [...RUN, '--rate', '50', '--duration', '10m', ...EASY, '--yes', '--json'];
  const run = startWaybill(args, { directory, config });
  await company.waitFor(20, { timeoutMs: 60_000 });
  run.signal('SIGINT');
  await until(async () => run.stderr.includes('Ctrl-C again stops at once'));
  run.signal('SIGINT');
  expect(await run.exit).toEqual({ code: 130, signal: null });
  expect(run.stdout).toBe('');
});

test('random gaps are asked about, permitted and sent with the number that their seed draws', async () => {
  const { company, directory, config } = await acme();
  const random = ['--rate', '40', '--duration', '1s', '--arrivals', 'poisson', ...EASY, '--yes', '--json'];
  const dry = await runWaybill([...RUN, ...random, '--dry-run'], { directory, config });
  const { total } = JSON.parse(dry.stdout);
  const bounded = (most: number) =>
    runWaybill([...RUN, ...random, '--quiet', '--max-requests', String(most)], { directory, config });
  expect((await bounded(total - 1)).code).toBe(2);
  expect(company.tally.received).toBe(0);
  const { stdout } = await bounded(total);
  expect(JSON.parse(stdout).probes[1].cutShort).toBeUndefined();
  expect(company.tally.received).toBe(total);
});

test('an objective for the rate is refused where the search sets the rate', async () => {
  const { company, directory, config } = await acme();
  const args = ['loadtest', 'find-limit', 'acme', 'disposition_update', '--slo', 'rate>=50/s', '--yes'];
  const { code, stderr } = await runWaybill(args, { directory, config });
  expect([code, stderr]).toEqual([2, expect.stringContaining("--slo 'rate>=50/s' cannot be judged")]);
  expect(company.tally.received).toBe(0);
});

test('a report that cannot be written at the end hides nothing of the result', async () => {
  const { company, directory, config } = await acme();
  const place = join(directory, 'reports');
  mkdirSync(place);
  const files = ['--report', join(place, 'r.json'), '--html', join(place, 'r.html')];
  const args = [...RUN, '--rate', '40', '--duration', '2s', ...EASY, '--yes', '--json', '--quiet', ...files];
  const run = startWaybill(args, { directory, config });
  await company.waitFor(10, { timeoutMs: 60_000 });
  rmSync(place, { recursive: true });
  const { code } = await run.exit;
  const report: LoadReport = JSON.parse(run.stdout);
  expect(report.probes[1]).toMatchObject({ offered: 80, delivered: 80 });
  // 5: a machine that is busy with other things keeps no generator to its plan.
  expect([code, report.result.exitCode]).toEqual(report.result.exitCode === 5 ? [5, 5] : [2, 0]);
  expect(run.stderr).toMatch(/r\.json cannot be written \(ENOENT\)\n.*r\.html cannot be written \(ENOENT\)/);
});

test('payloads of dead letters are sent about units of their own; those stay where they are', async () => {
  const { company, directory, config } = await acme();
  const withRedis = { ...config, redis: { url: testRedisPath() } };
  const name = uniqueClientName();
  const clients = { [name]: config.clients.acme };
  const place = { directory, config: { ...withRedis, clients } };
  const load = ['loadtest', 'run', name, 'disposition_update', '--from-dead-letters', '--rate', '20'];
  const args = [...load, '--duration', '1s', ...EASY, '--yes', '--json', '--quiet'];
  const none = await runWaybill(args, place);
  expect([none.code, JSON.parse(none.stdout).error.message]).toEqual([
    2,
    `client "${name}" has no dead letters of disposition_update`,
  ]);
  const dead = { ...(sampleEvent('disposition_update') as object), to_disposition: 'told_apart_by_this' };
  await addLetters(testRedis({ maxRetriesPerRequest: null }), name, [
    { ...letter(1, 422), body: JSON.stringify(dead) },
  ]);
  const { stdout } = await runWaybill(args, place);
  const report: LoadReport = JSON.parse(stdout);
  expect(report).toMatchObject({ plan: { payloads: 'from dead letters' } });
  expect(report.probes[1]).toMatchObject({ offered: 20, delivered: 20 });
  const sent = company.requests.map(({ body }) => JSON.parse(body));
  expect(new Set(sent.map((each) => each.to_disposition))).toEqual(new Set(['told_apart_by_this']));
  expect(new Set(sent.map((each) => each.optiturn_lp)).size).toBe(21);
  expect(sent.every((each) => each.optiturn_lp.startsWith('LOADTEST-'))).toBe(true);
  const listed = await runWaybill(['dead-letters', 'list', '--json'], place);
  expect(JSON.parse(listed.stdout)).toMatchObject([{ unit: 'LP1' }]);
});

test('without a terminal --yes is needed; --dry-run says what would be sent, and sends nothing', async () => {
  const { company, directory, config } = await acme();
  const file = join(directory, 'events.ndjson');
  const { optiturn_lp: _, ...invalid } = sampleEvent('disposition_update') as Record<string, unknown>;
  writeFileSync(file, `${JSON.stringify(sampleEvent('disposition_update'))}\n`);
  const asked = await runWaybill([...RUN, '--rate', '50'], { directory, config });
  expect(asked.code).toBe(2);
  expect(asked.stderr).toMatch(/--yes is needed to send 3,251 events at up to 50\/s, over 1 min 5 s, to 127/);
  const dry = [...RUN, '--rate', '50', '--events', file, '--dry-run', '--json'];
  const { code, stdout } = await runWaybill(dry, { directory, config });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    dryRun: true,
    total: 3_251,
    sample: { from_disposition: 'needs_testing', optiturn_lp: expect.stringMatching(/^LOADTEST-/) },
  });
  writeFileSync(file, `${JSON.stringify(invalid)}\n`);
  const bad = await runWaybill(dry, { directory, config });
  expect([bad.code, JSON.parse(bad.stdout).error.message]).toEqual([
    2,
    expect.stringContaining('line 1: $.optiturn_lp is required'),
  ]);
  expect(company.tally.received).toBe(0);
  expect(existsSync(join(directory, '.waybill'))).toBe(false);
});
