import type { Log } from '../core/log.ts';
import { nextRestart } from './restart-delay.ts';
import type { WorkerExit, WorkerProcess } from './worker-process.ts';

/** Keeps a number of worker processes running. */
export interface Supervisor {
  /** Starts them. Resolves when each delivers, or was lost before; with why they cannot begin, if that is said. */
  start(): Promise<WorkerExit['failure']>;
  /**
   * Replaces one after another by a worker that `spawn` makes; each goes when its successor delivers.
   *
   * @returns false where a successor ended before it delivered: those that are not replaced yet go on
   */
  replace(spawn: SpawnWorker): Promise<boolean>;
  /** Asks all to finish and waits for it, for `limitMs` at most; then ends them. */
  stop(limitMs: number): Promise<void>;
  /** Ends all at once. */
  kill(): void;
}

export type SpawnWorker = () => WorkerProcess;

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
  const starting = new Set<WorkerProcess>();
  const endings = new Set<() => void>();
  let { spawn } = parts;
  let stopping = false;

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
    occupy(slot, spawn());
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

  async function replaceOne(slot: Slot, successor: WorkerProcess): Promise<boolean> {
    starting.add(successor);
    const ended = await Promise.race([successor.ready, successor.exit]);
    starting.delete(successor);
    if (stopping) return false;
    if (ended !== undefined) {
      log.error({ worker: slot.number, ...ended }, 'a new worker ended before it delivered');
      return false;
    }
    const before = slot.worker;
    occupy(slot, successor);
    before.stop();
    await before.exit;
    return true;
  }

  const all = (): WorkerProcess[] => [...slots.map(({ worker }) => worker), ...starting];

  function kill(): void {
    stopping = true;
    for (const worker of all()) worker.kill();
  }

  return {
    kill,
    async start() {
      for (let number = 1; number <= count; number += 1) {
        const worker = spawn();
        const slot = { number, worker, losses: 0 };
        slots.push(slot);
        occupy(slot, worker);
      }
      const first = await Promise.all(slots.map(({ worker }) => Promise.race([worker.ready, worker.exit])));
      return first.find((end) => end?.failure !== undefined)?.failure;
    },
    async replace(spawnNew) {
      for (const slot of slots) {
        if (stopping) return false;
        if (!(await replaceOne(slot, spawnNew()))) return false;
        spawn = spawnNew;
      }
      return true;
    },
    async stop(limitMs) {
      stopping = true;
      for (const end of endings) end();
      const workers = all();
      for (const worker of workers) worker.stop();
      const late = setTimeout(kill, limitMs);
      const exits = await Promise.all(workers.map((worker) => worker.exit));
      clearTimeout(late);
      for (const [i, exit] of exits.entries()) noteBadEnd(log, workers[i]?.pid, exit);
    },
  };
}

function noteBadEnd(log: Log, workerPid: number | undefined, exit: WorkerExit): void {
  if (exit.code !== 0) log.warn({ workerPid, ...exit }, 'worker did not end in good order');
}
