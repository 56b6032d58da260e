import { randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { WaybillError } from '../core/waybill-error.ts';
import { identifyProcess, isRunning, type ProcessIdentity } from './process-identity.ts';

const LOOK_AGAIN_MS = 25;

interface Holder extends ProcessIdentity {
  /** Tells one holding from the next. */
  readonly holding: string;
}

/** Gives the lock back. */
export type Unlock = () => Promise<void>;

/**
 * Takes a lock between processes: a file that names its holder. One whose holder is dead is broken.
 * Throws a WaybillError `REDIS_BUSY` if a living holder keeps it beyond `timeoutMs`.
 */
export async function takeLock(path: string, timeoutMs: number): Promise<Unlock> {
  const deadline = performance.now() + timeoutMs;
  const self = await identifyProcess(process.pid);
  const mine: Holder = { pid: process.pid, started: self?.started ?? '', holding: randomUUID() };
  while (!(await createWhole(path, mine))) {
    const holder = await readHolder(path);
    if (holder === undefined) continue;
    if (!(await isRunning(holder))) {
      await breakLock(path, holder, deadline - performance.now());
      continue;
    }
    if (performance.now() > deadline) throw busy(path, holder);
    await pause(LOOK_AGAIN_MS);
  }
  return () => rm(path, { force: true });
}

/** The file appears with its content in one step, so that a reader never meets half of it. */
async function createWhole(path: string, holder: Holder): Promise<boolean> {
  const draft = `${path}.${holder.holding}.draft`;
  await writeFile(draft, JSON.stringify(holder), { mode: 0o600 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Two that find the same dead holder must not both remove the file, for the second would remove the first
 * one's new lock. So the right to remove is a lock itself, named after the dead holding, and under it the
 * file is read once more.
 */
async function breakLock(path: string, dead: Holder, timeoutMs: number): Promise<void> {
  const unlock = await takeLock(`${path}.${dead.holding}`, timeoutMs);
  try {
    const holder = await readHolder(path);
    if (holder?.holding === dead.holding) await rm(path, { force: true });
  } finally {
    await unlock();
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new WaybillError('REDIS_BUSY', `${path} cannot be read as a lock: remove it if no waybill runs`, {
      cause: error,
    });
  }
}

function busy(path: string, holder: Holder): WaybillError {
  return new WaybillError('REDIS_BUSY', `${path} has been held by process ${holder.pid} for too long`);
}
