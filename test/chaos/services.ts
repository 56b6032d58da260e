import { join } from 'node:path';
import type { Launcher, WaybillProcess } from './processes.ts';

/** The `waybill start` processes of a run. */
export interface Services {
  /** One that is neither frozen nor down just now, `choice` in [0, 1) says which; undefined: there is none. */
  pick(choice: number): number | undefined;
  /** Ends one on the spot; resolves when it is gone. It stays down until `start`. */
  kill(index: number): Promise<void>;
  start(index: number): void;
  freeze(index: number): void;
  thaw(index: number): void;
  /** Asks all to stop; resolves with what was wrong about how they did. */
  stop(): Promise<string[]>;
  /** Services that ended though nobody had killed them. */
  readonly deserters: readonly string[];
}

interface Slot {
  process: WaybillProcess | undefined;
  frozen: boolean;
}

/** Starts so many services; their logs stand in the directory. */
export function startServices(launcher: Launcher, count: number, directory: string): Services {
  const slots: Slot[] = Array.from({ length: count }, () => ({ process: undefined, frozen: false }));
  const deserters: string[] = [];
  const expected = new WeakSet<WaybillProcess>();

  function slotAt(index: number): Slot {
    const slot = slots[index];
    if (slot === undefined) throw new TypeError(`there is no service ${index}`);
    return slot;
  }

  function start(index: number): void {
    const slot = slotAt(index);
    const service = launcher.start(['start'], join(directory, `service-${index}.log`));
    slot.process = service;
    void service.ended.then(({ code, signal }) => {
      if (slot.process === service) slot.process = undefined;
      if (!expected.has(service)) deserters.push(`service ${index} ended by itself (${code ?? signal})`);
    });
  }

  for (let index = 0; index < count; index += 1) start(index);
  return {
    deserters,
    start,
    pick(choice) {
      const able = slots.flatMap(({ process, frozen }, index) => (process && !frozen ? [index] : []));
      return able[Math.floor(choice * able.length)];
    },
    async kill(index) {
      const service = slotAt(index).process;
      if (service === undefined) return;
      expected.add(service);
      service.signal('SIGKILL');
      await service.ended;
    },
    freeze(index) {
      slotAt(index).frozen = true;
      slotAt(index).process?.signal('SIGSTOP');
    },
    thaw(index) {
      slotAt(index).frozen = false;
      slotAt(index).process?.signal('SIGCONT');
    },
    async stop() {
      const left = slots.flatMap(({ process }) => (process === undefined ? [] : [process]));
      for (const service of left) {
        expected.add(service);
        service.signal('SIGTERM');
      }
      const ends = await Promise.all(left.map((service) => service.ended));
      return ends.flatMap(({ code, signal }) =>
        code === 0 ? [] : [`a service ended with ${code ?? signal} after SIGTERM`],
      );
    },
  };
}
