import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../core/log.ts';
import { atMost } from '../core/time.ts';
import type { WorkerExit, WorkerProcess } from './worker-process.ts';

/** What a supervisor needs of a worker's process. */
type Supervised = Pick<WorkerProcess, 'pid' | 'ready' | 'exit' | 'stop' | 'kill'>;

/** Starts the worker that takes this place, counted from 1. */
export type SpawnWorker = (number: number) => Supervised;

/** What supervising needs. */
export interface SupervisorParts {
  readonly count: number;
  readonly spawn: SpawnWorker;
  readonly log: Log;
}

/** The place of a worker: it is taken by one process after another. */
interface Slot {
  readonly number: number;
  worker: Supervised;
  losses: number;
}

/** Keeps a number of worker processes running. */
export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #slots: Slot[] = [];
  /** All worker processes: in their places, on their way there, and on their way out. */
  readonly #alive = new Set<Supervised>();
  readonly #stopping = new AbortController();
  #spawn: SpawnWorker;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.#spawn = parts.spawn;
  }

  /** Starts the workers. Resolves when each delivers, or has ended before; to why they cannot begin, if they say so. */
  async start(): Promise<WorkerExit['failure']> {
    for (let number = 1; number <= this.#parts.count; number += 1) {
      const worker = this.#launch(this.#spawn, number);
      const slot = { number, worker, losses: 0 };
      this.#slots.push(slot);
      this.#occupy(slot, worker);
    }
    const first = await Promise.all(
      this.#slots.map(({ worker }) => Promise.race([worker.ready, worker.exit])),
    );
    return first.find((end) => end?.failure !== undefined)?.failure;
  }

  /**
   * Replaces one worker after another by one that `spawn` makes; each ends when its successor delivers.
   *
   * @param limitMs how long a worker may take to end before it is killed
   * @returns false: a successor ended before it delivered, and the workers that are not replaced yet go on
   */
  async replace(spawn: SpawnWorker, limitMs: number): Promise<boolean> {
    for (const slot of this.#slots) {
      if (this.#isStopping) return false;
      if (!(await this.#replaceOne(slot, spawn, limitMs))) return false;
      this.#spawn = spawn;
    }
    return true;
  }

  /** Asks all workers to finish and waits for it, for `limitMs` at most; then kills them. */
  async stop(limitMs: number): Promise<void> {
    this.#stopping.abort();
    await Promise.all([...this.#alive].map((worker) => this.#finish(worker, limitMs)));
  }

  kill(): void {
    this.#stopping.abort();
    for (const worker of this.#alive) worker.kill();
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  #launch(spawn: SpawnWorker, number: number): Supervised {
    const worker = spawn(number);
    this.#alive.add(worker);
    void worker.exit.then(() => this.#alive.delete(worker));
    return worker;
  }

  #occupy(slot: Slot, worker: Supervised): void {
    slot.worker = worker;
    void this.#restartIfLost(slot, worker);
  }

  async #restartIfLost(slot: Slot, worker: Supervised): Promise<void> {
    const since = performance.now();
    const exit = await worker.exit;
    if (this.#isStopping || slot.worker !== worker) return;
    const { losses, delayMs } = nextRestart(slot.losses, performance.now() - since);
    slot.losses = losses;
    const facts = { worker: slot.number, workerPid: worker.pid, ...exit, againInMs: delayMs };
    this.#parts.log.error(facts, 'worker lost');
    await pause(delayMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
    // A replacement may have taken the place meanwhile.
    if (this.#isStopping || slot.worker !== worker) return;
    this.#occupy(slot, this.#launch(this.#spawn, slot.number));
  }

  async #replaceOne(slot: Slot, spawn: SpawnWorker, limitMs: number): Promise<boolean> {
    const successor = this.#launch(spawn, slot.number);
    const ended = await Promise.race([successor.ready, successor.exit]);
    if (this.#isStopping) return false;
    if (ended !== undefined) {
      const facts = { worker: slot.number, workerPid: successor.pid, ...ended };
      this.#parts.log.error(facts, 'a new worker ended before it delivered: no more are replaced');
      return false;
    }
    const before = slot.worker;
    this.#occupy(slot, successor);
    if (this.#alive.has(before)) await this.#finish(before, limitMs);
    return true;
  }

  /** Asks a worker to finish, and kills it if it takes too long: a frozen one would never end. */
  async #finish(worker: Supervised, limitMs: number): Promise<void> {
    worker.stop();
    if ((await atMost(limitMs, worker.exit)) === undefined) worker.kill();
    const exit = await worker.exit;
    if (exit.code === 0) return;
    this.#parts.log.warn({ workerPid: worker.pid, ...exit }, 'worker did not end in good order');
  }
}

const FIRST_RESTART_MS = 1_000;
const LONGEST_RESTART_MS = 30_000;
/** A worker that has lived for so long is not one of a series that dies at its start. */
const STEADY_MS = 60_000;

/** How long to wait before a lost worker is started again: doubles with each that was lost soon after its start. */
export function nextRestart(previous: number, livedMs: number) {
  const losses = livedMs >= STEADY_MS ? 1 : previous + 1;
  return { losses, delayMs: Math.min(LONGEST_RESTART_MS, FIRST_RESTART_MS * 2 ** (losses - 1)) };
}
