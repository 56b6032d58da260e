import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Company } from '../../src/sandbox/company.ts';
import { freePort } from '../support/foreign-server.ts';
import { startRedisProgram } from '../support/redis-programs.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { runWaybill, startWaybill, testDirectory } from '../support/waybill-process.ts';

const TYPE = 'disposition_update';
const START = { timeoutMs: 60_000 };
const idsOf = ({ requests }: Company) => requests.map(({ eventId = '' }) => eventId);

test('a restored file of Redis sends again what was delivered since, under the same key, and lacks what came since', async () => {
  const dir = testDirectory();
  const backup = join(testDirectory(), 'appendonlydir');
  const port = await freePort();
  const words = [
    ...['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', ''],
    ...['--appendonly', 'yes', '--appendfsync', 'always'],
  ];
  const startRedis = () => startRedisProgram(() => words, { port });
  let server = await startRedis();
  const company = await testSandbox().company('acme');
  const directory = testDirectory();
  const config = { redis: { url: `redis://127.0.0.1:${port}` }, clients: { acme: company.clientSettings() } };
  const run = async (line: string) => {
    const { code, stdout, stderr } = await runWaybill(line.split(' '), { directory, config });
    expect([line, code, code === 0 ? '' : stderr]).toEqual([line, 0, '']);
    return stdout;
  };
  const send = async () => (await run(`send acme ${TYPE} --sample --ids`)).trim();
  const start = async () => {
    const service = startWaybill(['start', '--workers', '1'], { directory, config });
    await service.waitForLine('started', START);
    return service;
  };
  const stop = async (service: Awaited<ReturnType<typeof start>>) => {
    service.signal('SIGTERM');
    expect((await service.exit).code).toBe(0);
  };

  const waiting = await send();
  // As deploy.md has it: no rewrite while the files are copied.
  await server.connect().config('SET', 'auto-aof-rewrite-percentage', '0');
  await until(async () => (await server.connect().info('persistence')).includes('aof_rewrite_in_progress:0'));
  await cp(join(dir, 'appendonlydir'), backup, { recursive: true });
  const first = await start();
  await company.waitFor(1, START);
  const since = await send();
  await company.waitFor(2, START);
  await stop(first);

  await server.kill();
  await rm(join(dir, 'appendonlydir'), { recursive: true });
  await cp(backup, join(dir, 'appendonlydir'), { recursive: true });
  server = await startRedis();
  expect(await run('events --client acme --outcome waiting')).toContain(waiting);
  await run('pause acme');
  const second = await start();
  const status = JSON.parse(await run('status --json'));
  expect(status.clients.acme).toMatchObject({ waiting: 1, delivered: 0 });
  expect(idsOf(company)).toEqual([waiting, since]);
  await run('resume acme');
  await company.waitFor(3, START);
  expect(idsOf(company)).toEqual([waiting, since, waiting]);
  const unknown = await runWaybill(['event', since], { directory, config });
  expect(unknown.code).toBe(3);
  await stop(second);
});
