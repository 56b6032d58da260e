import { mkdir } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { WaybillError } from '../core/waybill-error.ts';
import {
  type DataDirectory,
  directoryId,
  readRecord,
  removeRecord,
  unusable,
  writeRecord,
} from './data-directory.ts';
import { takeLock } from './directory-lock.ts';
import { type Lease, type LoadingProgress, takeLease, waitUntilLoaded } from './lease.ts';
import { identifyProcess, isRunning, type ProcessIdentity } from './process-identity.ts';
import { isSupportedVersion, OLDEST_VERSION } from './redis-version.ts';
import { droppedEnd, startFailure } from './server-log.ts';
import { spawnServer } from './spawn-server.ts';

const LOOK_AGAIN_MS = 10;
const END_TIMEOUT_MS = 10_000;

/** How a server is found or started. */
export interface AttachOptions {
  readonly serverBinary: string;
  readonly startTimeoutMs: number;
  /** How long the server may stay silent, or stand still while it reads its file. */
  readonly answerTimeoutMs: number;
  /** Starts no server; answers undefined if none runs. */
  readonly onlyRunning: boolean;
  onLoading(progress: LoadingProgress): void;
  /** A server that was started has dropped the end of its file, in its own words. */
  onDroppedEnd(words: string): void;
}

/**
 * Takes a lease on the directory's server and waits until it is ready. Looking, starting and ending happen
 * under the directory's lock, one process at a time: so there is one server, and a new user either holds a
 * lease before the last one counts them, or finds the server gone and starts it.
 */
export function attach(
  directory: DataDirectory,
  options: AttachOptions & { onlyRunning: false },
): Promise<Lease>;
export function attach(directory: DataDirectory, options: AttachOptions): Promise<Lease | undefined>;
export async function attach(directory: DataDirectory, options: AttachOptions): Promise<Lease | undefined> {
  try {
    return await joinOrStart(directory, options);
  } catch (error) {
    throw unusable(directory.path, error);
  }
}

async function joinOrStart(directory: DataDirectory, options: AttachOptions): Promise<Lease | undefined> {
  if (!options.onlyRunning) await makeAgain(directory);
  // Another one may start a server meanwhile, which takes as long as a start may take.
  const unlock = await takeLock(directory.lockPath, options.startTimeoutMs + END_TIMEOUT_MS);
  let lease: Lease | undefined;
  let logStart: number | undefined;
  try {
    lease = await joinRunning(directory, options.answerTimeoutMs);
    if (!lease && !(await endUnreachable(directory)) && options.onlyRunning) return undefined;
    if (!lease) ({ lease, logStart } = await start(directory, options));
  } finally {
    await unlock();
  }
  try {
    await waitUntilLoaded(lease, options.answerTimeoutMs, options.onLoading);
    const dropped = logStart === undefined ? undefined : await droppedEnd(directory.logPath, logStart);
    if (dropped !== undefined) options.onDroppedEnd(dropped);
    return lease;
  } catch (error) {
    const ended = lease.isClosed() || !(await identifyProcess(lease.server.pid));
    lease.close();
    if (ended) throw await startFailure(directory.logPath, 'ended while it read its file');
    throw error;
  }
}

/** A server that serves this very directory, at its recorded socket or at the one that a new server would get. */
async function joinRunning(directory: DataDirectory, answerTimeoutMs: number): Promise<Lease | undefined> {
  const record = await readRecord(directory);
  const places = new Set([record?.socketPath ?? directory.socketPath, directory.socketPath]);
  for (const socketPath of places) {
    const lease = await takeLease(socketPath, answerTimeoutMs);
    if (lease && (await serves(lease, directory))) {
      await recordLease(directory, lease, record);
      return lease;
    }
    lease?.close();
  }
  return undefined;
}

async function serves(lease: Lease, directory: DataDirectory): Promise<boolean> {
  return (await directoryId(lease.server.directory)) === (await directoryId(directory.path));
}

async function recordLease(directory: DataDirectory, lease: Lease, record?: ProcessIdentity): Promise<void> {
  if (record?.pid === lease.server.pid) return;
  const identity = await identifyProcess(lease.server.pid);
  if (identity) await writeRecord({ ...directory, socketPath: lease.socketPath }, identity);
}

/**
 * A recorded server that lives without a socket (someone removed the file) cannot be reached any more, and
 * a second one on the same files would ruin them: it ends, cleanly. Answers whether there was one.
 */
async function endUnreachable(directory: DataDirectory): Promise<boolean> {
  const record = await readRecord(directory);
  if (!record || !(await isRunning(record))) return false;
  process.kill(record.pid, 'SIGTERM');
  if (await waitForEnd(record)) return true;
  throw new WaybillError(
    'REDIS_STOP_FAILED',
    `the embedded Redis of ${directory.path} (process ${record.pid}) has lost its socket and does not end`,
  );
}

interface Started {
  readonly lease: Lease;
  /** Where its lines begin in the log. */
  readonly logStart: number;
}

async function start(directory: DataDirectory, options: AttachOptions): Promise<Started> {
  const server = await spawnServer(directory, options.serverBinary);
  const deadline = performance.now() + options.startTimeoutMs;
  for (;;) {
    const lease = await takeLease(directory.socketPath, options.answerTimeoutMs);
    if (lease && isSupportedVersion(lease.server.version)) return { lease, logStart: server.logStart };
    if (lease) {
      lease.close();
      server.kill();
      const found = `redis-server ${lease.server.version} is too old`;
      throw new WaybillError('REDIS_TOO_OLD', `${found}: ${OLDEST_VERSION.join('.')} or later is needed`);
    }
    if (server.hasEnded()) throw await server.failure('could not be started');
    if (performance.now() > deadline) {
      server.kill();
      throw await server.failure(`did not listen within ${options.startTimeoutMs} ms`);
    }
    await pause(LOOK_AGAIN_MS);
  }
}

/**
 * Gives a lease back. The last one ends the server and waits for its end. `onLost` is called if the server turns
 * out to have ended already.
 */
export async function detach(
  directory: DataDirectory,
  held: Lease,
  options: AttachOptions,
  onLost: () => Promise<void>,
): Promise<void> {
  try {
    // What a removed directory held is lost; its server ends all the same.
    await makeAgain(directory);
    await endUnlessShared(directory, held, options, onLost);
  } finally {
    held.close();
  }
}

/** Makes a directory that was removed since it was found or made, for the lock in it. */
async function makeAgain({ path }: DataDirectory): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw unusable(path, error);
  });
}

async function endUnlessShared(
  directory: DataDirectory,
  held: Lease,
  options: AttachOptions,
  onLost: () => Promise<void>,
): Promise<void> {
  const unlock = await takeLock(directory.lockPath, options.startTimeoutMs + END_TIMEOUT_MS);
  let lease: Lease | undefined = held;
  try {
    const users = await held.count().catch((error: Error) => {
      // A connection that was cut says nothing about the server; a silent server is a failure.
      if (held.isClosed()) return undefined;
      throw error;
    });
    if (users === undefined) {
      await onLost();
      lease = await joinRunning(directory, options.answerTimeoutMs);
    }
    if (!lease || (users ?? (await lease.count())) > 1) return;
    await endServer(lease);
    // After a removal another server may serve the directory: without its record no process could end it.
    if ((await readRecord(directory))?.pid === lease.server.pid) await removeRecord(directory);
  } finally {
    lease?.close();
    await unlock();
  }
}

async function endServer(lease: Lease): Promise<void> {
  const identity = await identifyProcess(lease.server.pid);
  const deadline = performance.now() + END_TIMEOUT_MS;
  // It refuses for a moment while it writes its first append-only file.
  let refusal = await lease.shutdown();
  while (refusal !== undefined && performance.now() < deadline) {
    await pause(LOOK_AGAIN_MS);
    refusal = await lease.shutdown();
  }
  if (!identity || (await waitForEnd(identity))) return;
  const why = refusal === undefined ? '' : `: ${refusal}`;
  throw new WaybillError(
    'REDIS_STOP_FAILED',
    `the embedded Redis (process ${identity.pid}) does not end${why}`,
  );
}

async function waitForEnd(identity: ProcessIdentity): Promise<boolean> {
  const deadline = performance.now() + END_TIMEOUT_MS;
  while (await isRunning(identity)) {
    if (performance.now() > deadline) return false;
    await pause(LOOK_AGAIN_MS);
  }
  return true;
}
