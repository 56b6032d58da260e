import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const START_TIMEOUT_MS = 10_000;

/**
 * Starts the one Redis that all test files share, and names its socket in `WAYBILL_TEST_REDIS`, which the
 * workers inherit. Tests keep apart by client names of their own.
 */
export default async function startGlobalRedis(): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'waybill-test-'));
  const socket = join(directory, 'redis.sock');
  const settings = {
    port: '0',
    unixsocket: socket,
    dir: directory,
    logfile: join(directory, 'redis.log'),
    save: '',
    appendonly: 'no',
    'maxmemory-policy': 'noeviction',
    databases: '16',
  };
  const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const server = spawn('redis-server', words, { stdio: 'ignore', detached: true });
  const gone = once(server, 'exit');
  await waitUntilItListens(socket, gone, join(directory, 'redis.log'));
  process.env['WAYBILL_TEST_REDIS'] = socket;
  return async () => {
    server.kill('SIGKILL');
    await gone;
    await rm(directory, { recursive: true, force: true });
  };
}

async function waitUntilItListens(socket: string, gone: Promise<unknown>, logFile: string): Promise<void> {
  let alive = true;
  gone.then(
    () => (alive = false),
    () => (alive = false),
  );
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await accepts(socket))) {
    if (!alive || performance.now() > deadline) {
      throw new Error(
        `the tests' redis-server did not start: ${await readFile(logFile, 'utf8').catch(String)}`,
      );
    }
    await pause(10);
  }
}

function accepts(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    probe.once('connect', () => resolve(true)).once('error', () => resolve(false));
    probe.once('connect', () => probe.destroy());
  });
}
