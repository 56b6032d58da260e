import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { WaybillError } from '../core/waybill-error.ts';
import { type DataDirectory, readRecord, unusable, writeRecord } from './data-directory.ts';
import { takeLock } from './directory-lock.ts';
import type { Lease } from './lease.ts';
import { identifyProcess } from './process-identity.ts';

const LOCK_TIMEOUT_MS = 5_000;

/** Whether a server's directory was removed, so that it writes into a file that nobody will find again. */
export async function isRemoved(directory: DataDirectory, lease: Lease): Promise<boolean> {
  // The server is asked only where its record is gone too: a look at a file is cheaper, and always answered.
  if ((await readRecord(directory))?.pid === lease.server.pid) return false;
  return (await lease.directory()) === '';
}

/**
 * Has a server whose directory was removed write all that it holds into a new one in its place. Its socket is
 * gone for good: afterwards it counts as unreachable, and whoever attaches next ends it and starts another one
 * on the same data. Nothing that stands there already is overwritten.
 *
 * Throws a WaybillError `REDIS_DATA_DIR` where that cannot be done: the server goes on with what it holds.
 */
export async function rescue(directory: DataDirectory, lease: Lease): Promise<void> {
  try {
    await mkdir(directory.path, { recursive: true, mode: 0o700 });
    const unlock = await takeLock(directory.lockPath, LOCK_TIMEOUT_MS);
    try {
      await fill(directory, lease);
    } finally {
      await unlock();
    }
  } catch (error) {
    throw unusable(directory.path, error);
  }
}

async function fill(directory: DataDirectory, lease: Lease): Promise<void> {
  const { pid } = lease.server;
  // Another user of the same server may have come first.
  if ((await readRecord(directory))?.pid === pid) return;
  await mkdir(join(directory.path, 'appendonlydir'), { mode: 0o700 }).catch(
    (error: NodeJS.ErrnoException) => {
      throw error.code === 'EEXIST'
        ? lostDirectory(directory, pid, 'another one stands in its place')
        : error;
    },
  );
  const refusal = await lease.moveTo(directory.path);
  if (refusal !== undefined) throw lostDirectory(directory, pid, refusal);
  const identity = await identifyProcess(pid);
  if (identity) await writeRecord(directory, identity);
}

function lostDirectory(directory: DataDirectory, pid: number, why: string): WaybillError {
  const sentence = `${directory.path} was removed under its Redis (process ${pid}), which holds its events in memory only and could not save them (${why}): leave the service running until it has delivered them`;
  return new WaybillError('REDIS_DATA_DIR', sentence);
}
