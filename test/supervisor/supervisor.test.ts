import { expect, test } from 'vitest';
import { createLog } from '../../src/log.ts';
import { type SpawnWorker, Supervisor } from '../../src/supervisor/supervisor.ts';
import type { WorkerExit } from '../../src/supervisor/worker-process.ts';
import { captureLogLines } from '../support/log-lines.ts';

/** Far more than two turns of the event loop, and little to wait for. */
const LIMIT_MS = 20;

/** How a worker of these tests behaves: one that is `deaf` does not end when it is asked to. */
interface Behaviour {
  readonly deaf?: boolean;
  readonly endsWith?: WorkerExit;
}

/** A worker without a process. */
function playWorker({ deaf = false, endsWith }: Behaviour = {}): ReturnType<SpawnWorker> {
  let end: (exit: WorkerExit) => void = () => {};
  const exit = new Promise<WorkerExit>((resolve) => {
    end = resolve;
  });
  if (endsWith !== undefined) end(endsWith);
  return {
    pid: 1,
    ready: endsWith === undefined ? Promise.resolve() : new Promise(() => {}),
    exit,
    stop() {
      if (!deaf) end({ code: 0, signal: null });
    },
    kill: () => end({ code: null, signal: 'SIGKILL' }),
  };
}

async function supervise(count: number, behaviour: Behaviour = {}) {
  const { stream, lines } = captureLogLines();
  const first: ReturnType<SpawnWorker>[] = [];
  const spawn: SpawnWorker = () => {
    const worker = playWorker(behaviour);
    first.push(worker);
    return worker;
  };
  const log = createLog({ level: 'info', destination: stream });
  const supervisor = new Supervisor({ count, spawn, log });
  const failure = await supervisor.start();
  return { supervisor, lines, first, failure };
}

const KILLED = { code: null, signal: 'SIGKILL' };

test('a worker that does not end is ended: at the stop, and when it is replaced', async () => {
  const stopped = await supervise(2, { deaf: true });
  await stopped.supervisor.stop(LIMIT_MS);
  expect(await Promise.all(stopped.first.map(({ exit }) => exit))).toEqual([KILLED, KILLED]);

  const { supervisor, lines, first } = await supervise(2, { deaf: true });
  expect(await supervisor.replace(() => playWorker(), LIMIT_MS)).toBe(true);
  expect(await Promise.all(first.map(({ exit }) => exit))).toEqual([KILLED, KILLED]);
  expect(lines.map(({ msg }) => msg)).toEqual(Array(2).fill('worker did not end in good order'));
  await supervisor.stop(LIMIT_MS);
});

test('a successor that cannot begin replaces no worker, and no more are tried', async () => {
  const { supervisor, lines, first } = await supervise(2);
  const failure = { code: 'TLS_SETTINGS_INVALID', message: 'the key does not fit' };
  let tried = 0;
  const replaced = await supervisor.replace(() => {
    tried += 1;
    return playWorker({ endsWith: { code: 1, signal: null, failure } });
  }, LIMIT_MS);
  expect({ replaced, tried }).toEqual({ replaced: false, tried: 1 });
  expect(lines).toMatchObject([{ level: 'error', worker: 1, failure }]);
  const open = Symbol();
  expect(await Promise.race([...first.map(({ exit }) => exit), Promise.resolve(open)])).toBe(open);
  await supervisor.stop(LIMIT_MS);
});

test('a start says why its workers cannot begin', async () => {
  const failure = { code: 'REDIS_TOO_OLD', message: 'redis-server is too old' };
  const { supervisor, failure: said } = await supervise(2, { endsWith: { code: 1, signal: null, failure } });
  expect(said).toEqual(failure);
  await supervisor.stop(LIMIT_MS);
});
