import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { loadConfig } from '../../src/config/load-config.ts';
import { ask } from '../redis/data-dirs.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startNode } from '../support/node-process.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { startWaybill, testDirectory, workerPidsOf } from '../support/waybill-process.ts';
import {
  crashOnSignal,
  type Journey,
  portTo,
  run,
  submitToEach,
  waitForDeadLetters,
  waitForLine,
} from './support/journey.ts';
import { marked, startMarkedCompanies } from './support/marked-companies.ts';
import { commandLines, dumpOf, filesBelow, findSecrets, readProcess } from './support/traces.ts';

failOnLeaks();

const WORKER = fileURLToPath(new URL('../../dist/workers/delivery.js', import.meta.url));

const isTokenKey = (key: string): boolean => /^\{?wb:token:/.test(key);

/** What `dead-letters`, `check` and `status` say, with the right password, a wrong one, and a broken file. */
async function lookAround(journey: Journey, files: { right: string; wrong: string; broken: string }) {
  const { right, wrong, broken } = files;
  const looking = Promise.all([
    run(journey, right, 'dead-letters', 'list', '--json'),
    run(journey, right, 'check', '--json'),
    run(journey, right, 'status', '--json'),
    run(journey, wrong, 'status', '--json'),
    run(journey, wrong, 'send', 'bearer', 'disposition_update'),
    run(journey, broken, 'check', '--json'),
  ]);
  journey.output.push(commandLines());
  const [listed, checked, , refused, , invalid] = await looking;
  expect(checked.stdout).toContain('invalid_client');
  expect(refused.stdout).toContain('REDIS_UNAVAILABLE');
  expect(invalid.stdout).toContain('$.clients.acme.baseUrl must be');
  const letters: { id: string; client: string }[] = JSON.parse(listed.stdout);
  const idOf = (name: string): string => letters.find(({ client }) => client === name)?.id ?? '';
  const shown = await Promise.all([
    run(journey, right, 'dead-letters', 'show', idOf('basic'), '--json'),
    run(journey, right, 'dead-letters', 'show', idOf('no-token-form')),
  ]);
  for (const { stdout } of shown) expect(stdout).toContain('***');
}

test('a journey with marked secrets: none comes out anywhere', { timeout: 120_000 }, async () => {
  const directory = testDirectory();
  const companies = await startMarkedCompanies(directory);
  const count = companies.all.size;
  const server = await startOwnRedis({ appendonly: 'yes' });
  const redis = server.connect();
  const [password, wrongPassword] = [marked('redis').replaceAll('"', ''), marked('wrong')];
  await redis.config('SET', 'requirepass', password);
  const port = await portTo(server.socketPath);
  const inUrl = { RIGHT: encodeURIComponent(password), WRONG: encodeURIComponent(wrongPassword) };
  const journey: Journey = { directory, env: { ...companies.env, ...inUrl }, output: [] };
  const { env, output } = journey;
  const write = (name: string, variable: string, changes: object = {}): string => {
    const url = `redis://:\${${variable}}@127.0.0.1:${port}`;
    const file = join(directory, name);
    writeFileSync(file, stringify({ redis: { url }, clients: companies.clients, ...changes }));
    return file;
  };
  const acme = {
    baseUrl: '${SECRET_BEARER}',
    endpoints: { x: '/${RIGHT}' },
    tls: { key: '${SECRET_BASIC}' },
  };
  const right = write('waybill.yaml', 'RIGHT');
  const wrong = write('wrong.yaml', 'WRONG');
  const broken = write('broken.yaml', 'RIGHT', { clients: { acme } });

  const args = ['start', '--workers', '1', '--log-level', 'debug', '--config'];
  const crashing = { ...env, ...crashOnSignal(directory, 'SECRET_BEARER') };
  const service = startWaybill([...args, right], { directory, env: crashing });
  const lockedOut = startWaybill([...args, wrong], { directory, env });
  await waitForLine(service, 'delivering');
  await submitToEach(journey, right, companies.all.keys());
  await waitForDeadLetters(service, count);
  await lookAround(journey, { right, wrong, broken });
  for (const pid of workerPidsOf(service)) process.kill(pid, 'SIGUSR2');
  expect(await service.waitForLine('worker lost')).toMatchObject({ code: 1 });
  service.signal('SIGUSR2');
  expect(await service.exit).toEqual({ code: 1, signal: null });
  expect(service.stderr.match(/^waybill: crashed: Error: crash$/gm)).toHaveLength(2);
  await waitForLine(lockedOut, 'redis error');

  const worker = startNode([WORKER, right], { cwd: directory, env: { ...env, WAYBILL_LOG_LEVEL: 'trace' } });
  await run(journey, right, 'dead-letters', 'replay', '--yes', '--json');
  await waitForDeadLetters(worker, count);
  output.push(commandLines());
  for (const one of [worker, lockedOut]) one.signal('SIGTERM');
  for (const one of [service, worker, lockedOut]) {
    await one.exit;
    output.push(one.stdout, one.stderr);
  }

  const tokens = companies.tokens();
  expect(Object.keys(tokens).length).toBeGreaterThan(1);
  const secrets = { ...companies.secrets, redis: password, wrong: wrongPassword };
  expect(findSecrets(output.join('\n'), { ...secrets, ...tokens })).toEqual([]);
  expect(findSecrets(await dumpOf(redis, isTokenKey), { ...secrets, ...tokens })).toEqual([]);
  expect(findSecrets(await dumpOf(redis), secrets)).toEqual([]);
  expect(findSecrets(filesBelow(dirname(server.socketPath)), secrets)).toEqual([]);
  // That they would be found where they are.
  expect(findSecrets(await dumpOf(redis, (key) => !isTokenKey(key)), tokens)).not.toEqual([]);
  expect(findSecrets(inspect(loadConfig(right, env), { depth: 9 }), secrets).length).toBeGreaterThan(8);
});

test('with WAYBILL_SECRET_KEY nothing that the embedded Redis writes or is given holds a token', async () => {
  const directory = testDirectory();
  const companies = await startMarkedCompanies(directory);
  const secretKey = marked('key');
  const journey: Journey = {
    directory,
    env: { ...companies.env, WAYBILL_SECRET_KEY: secretKey },
    output: [],
  };
  const file = join(directory, 'waybill.yaml');
  writeFileSync(file, stringify({ clients: companies.clients }));
  const service = startWaybill(['start', '--config', file], { directory, env: journey.env });
  await waitForLine(service, 'delivering');
  await submitToEach(journey, file, companies.all.keys());
  await waitForDeadLetters(service, companies.all.size);

  const record = filesBelow(join(directory, '.waybill'));
  const socketPath = join(directory, '.waybill', 'redis', 'redis.sock');
  const pid = /process_id:(\d+)/.exec(await ask(socketPath, (redis) => redis.info('server')))?.[1] ?? '';
  expect(readProcess(pid, 'cmdline')).toContain('redis');
  const traces = [record, commandLines(), readProcess(pid, 'environ')];
  service.signal('SIGTERM');
  await service.exit;
  const secrets = { ...companies.secrets, ...companies.tokens(), secretKey };
  expect(Object.keys(companies.tokens()).length).toBeGreaterThan(1);
  expect(record).toContain('wb1:');
  expect(findSecrets([...traces, service.stdout, service.stderr].join('\n'), secrets)).toEqual([]);
});
