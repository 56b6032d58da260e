import { join } from 'node:path';
import type { Launcher, WaybillProcess } from './processes.ts';

/** A worker of a service. */
export interface WorkerOfService {
  readonly service: number;
  readonly pid: number;
}

/** The `waybill start` processes of a run, with their workers. */
export interface Services {
  /** One that is neither frozen, in part or all, nor down just now; `choice` in [0, 1) says which. */
  pick(choice: number): number | undefined;
  /** A worker of such a service, frozen in part or not, that is not frozen itself. */
  pickWorker(choice: number): WorkerOfService | undefined;
  /** Ends one with its workers on the spot. It stays down until `start`. @returns how many workers it may have had */
  kill(index: number): number;
  /** Ends one on the spot, but not its workers: they have to notice. It stays down until `start`. */
  killSupervisor(index: number): void;
  start(index: number): void;
  /** Stops one, with its workers, where it stands. */
  freeze(index: number): void;
  thaw(index: number): void;
  /** Ends a worker on the spot: its service has to start another one. */
  killWorker(worker: WorkerOfService): void;
  freezeWorker(worker: WorkerOfService): void;
  thawWorker(worker: WorkerOfService): void;
  /** Asks all to stop; resolves when none of their processes is left, with what was wrong about how they did. */
  stop(): Promise<string[]>;
  /** How many processes deliver. */
  readonly deliverers: number;
  /** Services that ended though nobody had killed them. */
  readonly deserters: readonly string[];
}

interface Slot {
  process: WaybillProcess | undefined;
  frozen: boolean;
  readonly frozenWorkers: Set<number>;
}

/** How services are started. */
export interface ServicesOptions {
  readonly launcher: Launcher;
  readonly count: number;
  /** The worker processes of each. */
  readonly workers: number;
  /** Where their logs go. */
  readonly directory: string;
}

/** Starts so many services. */
export function startServices({ launcher, count, workers, directory }: ServicesOptions): Services {
  const slots = Array.from(
    { length: count },
    (): Slot => ({ process: undefined, frozen: false, frozenWorkers: new Set() }),
  );
  const deserters: string[] = [];
  const expected = new WeakSet<WaybillProcess>();
  const all: WaybillProcess[] = [];

  function slotAt(index: number): Slot {
    const slot = slots[index];
    if (slot === undefined) throw new TypeError(`there is no service ${index}`);
    return slot;
  }

  function start(index: number): void {
    const slot = slotAt(index);
    const args = ['start', '--workers', String(workers)];
    const service = launcher.start(args, join(directory, `service-${index}.log`));
    all.push(service);
    slot.process = service;
    void service.ended.then(({ code, signal }) => {
      if (slot.process === service) slot.process = undefined;
      if (!expected.has(service)) deserters.push(`service ${index} ended by itself (${code ?? signal})`);
    });
  }

  /** It is down from now on; what is left of it may take its time. */
  function takeDown(index: number): WaybillProcess | undefined {
    const slot = slotAt(index);
    const service = slot.process;
    if (service !== undefined) expected.add(service);
    slot.process = undefined;
    return service;
  }

  for (let index = 0; index < count; index += 1) start(index);
  return {
    deliverers: count * workers,
    deserters,
    start,
    pick(choice) {
      const able = slots.flatMap(({ process, frozen, frozenWorkers }, index) =>
        process && !frozen && frozenWorkers.size === 0 ? [index] : [],
      );
      return able[Math.floor(choice * able.length)];
    },
    pickWorker(choice) {
      const able = slots.flatMap(({ process, frozen, frozenWorkers }, service) =>
        process && !frozen
          ? process.workers().flatMap((pid) => (frozenWorkers.has(pid) ? [] : [{ service, pid }]))
          : [],
      );
      return able[Math.floor(choice * able.length)];
    },
    kill(index) {
      const service = takeDown(index);
      service?.signalAll('SIGKILL');
      return service === undefined ? 0 : workers;
    },
    killSupervisor: (index) => takeDown(index)?.signal('SIGKILL'),
    freeze(index) {
      slotAt(index).frozen = true;
      slotAt(index).process?.signalAll('SIGSTOP');
    },
    thaw(index) {
      slotAt(index).frozen = false;
      slotAt(index).process?.signalAll('SIGCONT');
    },
    killWorker: ({ pid }) => signalOne(pid, 'SIGKILL'),
    freezeWorker({ service, pid }) {
      slotAt(service).frozenWorkers.add(pid);
      signalOne(pid, 'SIGSTOP');
    },
    thawWorker({ service, pid }) {
      slotAt(service).frozenWorkers.delete(pid);
      signalOne(pid, 'SIGCONT');
    },
    async stop() {
      const left = slots.flatMap(({ process }) => (process === undefined ? [] : [process]));
      for (const service of left) {
        expected.add(service);
        service.signal('SIGTERM');
      }
      // Of those that were killed alone, workers may still be on their way out.
      await Promise.all(all.map((service) => service.ended));
      const ends = await Promise.all(left.map((service) => service.ended));
      return ends.flatMap(({ code, signal }) =>
        code === 0 ? [] : [`a service ended with ${code ?? signal} after SIGTERM`],
      );
    },
  };
}

/** A worker may have gone with its service meanwhile. */
function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Nothing is left to be signalled.
  }
}
