import { setTimeout as pause } from 'node:timers/promises';
import type { Launcher, WaybillProcess } from './processes.ts';

/** Dead letters that one `replay` takes: four steps of 50. */
const LIMIT = 200;
const EVERY_MS = 2_500;
/** How long a replay takes before one was measured. */
const FIRST_GUESS_MS = 800;
/** What a replay ends with: done, or Redis was away in the middle of it. */
const EXPECTED_CODES = [0, 1, 4];

/** The `dead-letters replay` commands of a run. */
export interface Replays {
  /** Starts one besides those that run by themselves; `atShare` resolves when so much of its life is over. */
  start(): { readonly process: WaybillProcess; atShare(share: number): Promise<void> };
  /** Resolves when the last one has ended; with how many were replayed, by those that could say so, and faults. */
  readonly done: Promise<{ readonly replayed: number; readonly faults: readonly string[] }>;
}

/** Replays the oldest dead letters every few seconds until it is to stop. */
export function runReplays(launcher: Launcher, stopping: () => boolean): Replays {
  let usualMs = FIRST_GUESS_MS;
  let replayed = 0;
  const faults: string[] = [];
  const open = new Set<Promise<void>>();

  function start(): WaybillProcess {
    const began = performance.now();
    const command = launcher.start(['dead-letters', 'replay', '--yes', '--limit', String(LIMIT), '--json']);
    const seen = command.ended.then(({ code, signal }) => {
      open.delete(seen);
      if (code === 0) usualMs = performance.now() - began;
      if (code !== null && !EXPECTED_CODES.includes(code)) faults.push(`a replay ended with ${code}`);
      if (code === 0) replayed += replayedBy(command.stdout);
      if (signal !== null && signal !== 'SIGKILL') faults.push(`a replay was ended by ${signal}`);
    });
    open.add(seen);
    return command;
  }

  async function all() {
    while (!stopping()) {
      await pause(EVERY_MS);
      if (!stopping()) await start().ended;
    }
    await Promise.all(open);
    return { replayed, faults };
  }

  return {
    start() {
      const process = start();
      return {
        process,
        atShare: (share) => Promise.race([pause(share * usualMs), process.ended]).then(() => {}),
      };
    },
    done: all(),
  };
}

function replayedBy(stdout: string): number {
  return Number((JSON.parse(stdout) as { replayed?: number }).replayed ?? 0);
}
