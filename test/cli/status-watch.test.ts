import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { v7 as uuidv7 } from 'uuid';
import { expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { admit } from '../../src/queue/admit.ts';
import { dispositionsOf } from '../support/events.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { canMakeTerminals, startScript } from '../support/pseudo-terminal.ts';
import { runWaybill, startWaybill, testDirectory } from '../support/waybill-process.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const WAIT = { timeoutMs: 60_000 };
const client = { baseUrl: 'http://127.0.0.1:9', endpoints: { disposition_update: '/' } };
const event = () => ({ id: uuidv7(), type: 'disposition_update', unit: 'u', body: '{}' });
type Clients = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** A Redis of its own with two clients, and how to give one of them work. */
async function watched() {
  const server = await startOwnRedis();
  const config = { redis: { url: server.socketPath }, clients: { acme: client, 'acme-outlet': client } };
  const options = { directory: testDirectory() };
  writeFileSync(join(options.directory, 'waybill.yaml'), stringify(config));
  return {
    server,
    options,
    async add(count: number) {
      const redis = server.connect();
      await admit(
        redis,
        dispositionsOf('acme'),
        [{ id: uuidv7(), events: Array.from({ length: count }, event) }],
        Date.now(),
      );
    },
  };
}

test('on a pipe: a line for a client with news, Redis that goes away and comes back, a good end by SIGTERM', async () => {
  const { server, options, add } = await watched();
  const watch = startWaybill(['status', '--watch', '--interval', '0.1'], options);
  const line = (text: string) =>
    watch.waitForLine(({ unparsed }) => String(unparsed).includes(text), WAIT).then(String);
  await line('Watching 2 clients');
  await add(30);
  await line('  acme  ');
  await line('waiting 30');
  await server.kill();
  await line('Redis cannot be reached: ');
  // Empty again, and it knows none of the scripts.
  await server.start();
  await line('Redis is back');
  await add(7);
  await line('waiting 7');
  watch.signal('SIGTERM');
  expect(await watch.exit).toEqual({ code: 0, signal: null });
  expect(watch.stdout).not.toContain('acme-outlet');
  expect(watch.stdout.match(/cannot be reached/g)).toHaveLength(1);
  expect(watch.stderr).toBe('');
});

test('with --json: an object each interval, also while Redis is silent; a good end by SIGINT', async () => {
  const { server, options, add } = await watched();
  const watch = startWaybill(['status', '--watch', '--interval', '0.1', '--json'], options);
  const acme = (fits: (figures: Readonly<Record<string, unknown>>) => boolean) =>
    watch.waitForLine(
      ({ clients }) => clients !== undefined && fits((clients as Clients)['acme'] ?? {}),
      WAIT,
    );
  expect(await acme(({ acceptedPerSecond }) => acceptedPerSecond === null)).toMatchObject({
    at: expect.stringMatching(/^\d{4}-/),
    services: 0,
    clients: { acme: { waiting: 0, pausedAt: null }, 'acme-outlet': { dead: 0 } },
  });
  await add(12);
  await acme(({ acceptedPerSecond, waiting }) => Number(acceptedPerSecond) > 0 && waiting === 12);
  server.freeze();
  const { error } = await watch.waitForLine(({ error }) => error !== undefined, WAIT);
  expect(error).toEqual({
    code: 'REDIS_UNAVAILABLE',
    message: 'Redis cannot be reached: it does not answer',
  });
  server.thaw();
  const before = watch.lines.length;
  await acme(({ waiting }) => waiting === 12 && watch.lines.length > before);
  watch.signal('SIGINT');
  expect((await watch.exit).code).toBe(0);
});

test('it ends when its reader has gone', async () => {
  const { options } = await watched();
  const args = [MAIN, 'status', '--watch', '--interval', '0.1', '--json'];
  const watch = spawn(process.execPath, args, {
    cwd: options.directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void watch.kill('SIGKILL'));
  await once(watch.stdout, 'data');
  watch.stdout.destroy();
  expect(await once(watch, 'exit')).toEqual([0, null]);
});

test('--interval needs --watch, and is neither nothing nor a day', async () => {
  const { options } = await watched();
  const [alone, never] = await Promise.all([
    runWaybill(['status', '--interval', '2'], options),
    runWaybill(['status', '--watch', '--interval', '86400'], options),
  ]);
  expect(alone).toMatchObject({ code: 2, stderr: expect.stringContaining('--interval goes with --watch') });
  expect(never.code).toBe(2);
});

test.skipIf(!canMakeTerminals()).each(['q', '\u0003'])(
  'in a terminal: one screen, drawn again and again, until %j; then the cursor is back',
  async (key) => {
    const { options, add } = await watched();
    const command = `stty rows 20 cols 80; "${process.execPath}" "${MAIN}" status --watch --interval 0.1`;
    const terminal = startScript(command, options.directory);
    await terminal.shows(/^acme-outlet .*0$/m);
    await add(30);
    await terminal.shows(/^acme .* 30 /m);
    terminal.type(key);
    expect(await terminal.exit).toBe(0);
    expect(terminal.cursorShown()).toBe(true);
    expect(terminal.rows()).toHaveLength(7);
    expect(terminal.rows()[0]).toMatch(/^waybill status {2}.* 2 clients, rates over 5 s {2}q ends$/);
  },
);
