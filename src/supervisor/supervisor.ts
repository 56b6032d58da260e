import type { Log } from '../core/log.ts';
import { atMost } from '../core/time.ts';
import { nextRestart } from './restart-delay.ts';
import type { WorkerExit, WorkerProcess } from './worker-process.ts';

/** Keeps a number of worker processes running. */
export interface Supervisor {
  /** Starts them. Resolves when each delivers, or was lost before; with why they cannot begin, if that is said. */
  start(): Promise<WorkerExit['failure']>;
  /**
   * Replaces one after another by a worker that `spawn` makes; each goes when its successor delivers.
   *
   * @param limitMs how long one may take to go before it is ended
   * @returns false where a successor ended before it delivered: those that are not replaced yet go on
   */
  replace(spawn: SpawnWorker, limitMs: number): Promise<boolean>;
  /** Asks all to finish and waits for it, for `limitMs` at most; then ends them. */
  stop(limitMs: number): Promise<void>;
  /** Ends all at once. */
  kill(): void;
}

/** Starts the worker that takes this place, counted from 1. */
export type SpawnWorker = (number: number) => WorkerProcess;

/** What supervising needs. */
export interface SupervisorParts {
  readonly count: number;
  readonly spawn: SpawnWorker;
  readonly log: Log;
  monotonicNow(): number;
}

/** The place of a worker: it is taken by one process after another. */
interface Slot {
  readonly number: number;
  worker: WorkerProcess;
  losses: number;
}

/** Builds a supervisor. */
export function createSupervisor(parts: SupervisorParts): Supervisor {
  const { count, log, monotonicNow } = parts;
  const slots: Slot[] = [];
  /** All that run: in their places, on their way there, and on their way out. */
  const alive = new Set<WorkerProcess>();
  const endings = new Set<() => void>();
  let { spawn } = parts;
  let stopping = false;

  function launch(spawnOne: SpawnWorker, number: number): WorkerProcess {
    const worker = spawnOne(number);
    alive.add(worker);
    void worker.exit.then(() => alive.delete(worker));
    return worker;
  }

  function occupy(slot: Slot, worker: WorkerProcess): void {
    slot.worker = worker;
    void watch(slot, worker, monotonicNow());
  }

  /** Starts a lost worker again, unless its place was taken by another one meanwhile. */
  async function watch(slot: Slot, worker: WorkerProcess, since: number): Promise<void> {
    const exit = await worker.exit;
    if (stopping || slot.worker !== worker) return;
    const { losses, delayMs } = nextRestart(slot.losses, monotonicNow() - since);
    slot.losses = losses;
    log.error({ worker: slot.number, workerPid: worker.pid, ...exit, againInMs: delayMs }, 'worker lost');
    await pause(delayMs);
    if (stopping || slot.worker !== worker) return;
    occupy(slot, launch(spawn, slot.number));
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        endings.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      endings.add(end);
    });
  }

  async function replaceOne(slot: Slot, spawnNew: SpawnWorker, limitMs: number): Promise<boolean> {
    const successor = launch(spawnNew, slot.number);
    const ended = await Promise.race([successor.ready, successor.exit]);
    if (stopping) return false;
    if (ended !== undefined) {
      const facts = { worker: slot.number, workerPid: successor.pid, ...ended };
      log.error(facts, 'a new worker ended before it delivered: no more are replaced');
      return false;
    }
    const before = slot.worker;
    occupy(slot, successor);
    if (alive.has(before)) await finish(before, limitMs);
    return true;
  }

  /** Asks one to finish, and ends it where it takes too long: one that is frozen would be waited for for ever. */
  async function finish(worker: WorkerProcess, limitMs: number): Promise<void> {
    worker.stop();
    if ((await atMost(limitMs, worker.exit)) === undefined) worker.kill();
    const exit = await worker.exit;
    if (exit.code !== 0) log.warn({ workerPid: worker.pid, ...exit }, 'worker did not end in good order');
  }

  return {
    kill() {
      stopping = true;
      for (const worker of alive) worker.kill();
    },
    async start() {
      for (let number = 1; number <= count; number += 1) {
        const worker = launch(spawn, number);
        const slot = { number, worker, losses: 0 };
        slots.push(slot);
        occupy(slot, worker);
      }
      const first = await Promise.all(slots.map(({ worker }) => Promise.race([worker.ready, worker.exit])));
      return first.find((end) => end?.failure !== undefined)?.failure;
    },
    async replace(spawnNew, limitMs) {
      for (const slot of slots) {
        if (stopping) return false;
        if (!(await replaceOne(slot, spawnNew, limitMs))) return false;
        spawn = spawnNew;
      }
      return true;
    },
    async stop(limitMs) {
      stopping = true;
      for (const end of endings) end();
      await Promise.all([...alive].map((worker) => finish(worker, limitMs)));
    },
  };
}
