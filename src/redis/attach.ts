import { setTimeout as pause } from 'node:timers/promises';
import { WaybillError } from '../core/waybill-error.ts';
import {
  type DataDirectory,
  directoryId,
  makePrivate,
  readRecord,
  removeRecord,
  unusable,
  writeRecord,
} from './data-directory.ts';
import { takeLock } from './directory-lock.ts';
import { type Lease, type LoadingProgress, takeLease, waitUntilLoaded } from './lease.ts';
import { identifyProcess, isRunning, type ProcessIdentity } from './process-identity.ts';
import { droppedEnd, startFailure } from './server-log.ts';
import { type ServerOptions, type StartedServer, startServer } from './spawn-server.ts';

const LOOK_AGAIN_MS = 10;
const END_TIMEOUT_MS = 10_000;

/** What the embedded Redis tells while it is in use. */
export type EmbeddedRedisEvent =
  | ({ readonly kind: 'loading' } & LoadingProgress)
  /** The server dropped the unfinished end of its file, as its own words say; told by the process that started it. */
  | { readonly kind: 'dropped_end'; readonly words: string }
  /**
   * The server ended or dropped the lease; it is joined again, or started if it ended. `cause` is what its
   * log says, if an operator can mend that, such as a full disk.
   */
  | { readonly kind: 'lost'; readonly cause?: WaybillError }
  | { readonly kind: 'regained'; readonly pid: number }
  | { readonly kind: 'regain_failed'; readonly error: WaybillError | Error };

/** How a server is found or started. */
export interface AttachOptions extends ServerOptions {
  report(event: EmbeddedRedisEvent): void;
}

/**
 * Takes a lease on the directory's server and waits until it is ready. Looking, starting and ending happen
 * under the directory's lock, one process at a time: so there is one server, and a new user either holds a
 * lease before the last one counts them, or finds the server gone and starts it.
 */
export async function attach(directory: DataDirectory, options: AttachOptions): Promise<Lease> {
  // It may have been removed since it was found or made; the lock is in it.
  await makePrivate(directory.path);
  // A server that is to be started is there afterwards.
  return (await attachRunning(directory, options, true)) as Lease;
}

/**
 * As `attach`, but starts no server: undefined if none runs.
 *
 * @param mayStart starts one all the same
 */
export async function attachRunning(
  directory: DataDirectory,
  options: AttachOptions,
  mayStart = false,
): Promise<Lease | undefined> {
  try {
    const found = await joinOrStart(directory, options, mayStart);
    if (found !== undefined) await waitUntilReady(directory, options, found);
    return found?.lease;
  } catch (error) {
    throw unusable(directory.path, error);
  }
}

/** A server that was found or started; `logStart` is where the lines of a started one begin in the log. */
type FoundServer = Pick<StartedServer, 'lease'> & Partial<StartedServer>;

async function joinOrStart(
  directory: DataDirectory,
  options: AttachOptions,
  mayStart: boolean,
): Promise<FoundServer | undefined> {
  // Another one may start a server meanwhile, which takes as long as a start may take.
  const unlock = await takeLock(directory.lockPath, options.startTimeoutMs + END_TIMEOUT_MS);
  try {
    const lease = await joinRunning(directory, options.answerTimeoutMs);
    if (lease) return { lease };
    const isNeeded = (await endUnreachable(directory)) || mayStart;
    return isNeeded ? await startServer(directory, options) : undefined;
  } finally {
    await unlock();
  }
}

async function waitUntilReady(
  directory: DataDirectory,
  { answerTimeoutMs, report }: AttachOptions,
  { lease, logStart }: FoundServer,
): Promise<void> {
  try {
    await waitUntilLoaded(lease, answerTimeoutMs, (progress) => report({ kind: 'loading', ...progress }));
    const dropped = logStart === undefined ? undefined : await droppedEnd(directory.logPath, logStart);
    if (dropped !== undefined) report({ kind: 'dropped_end', words: dropped });
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
    await makePrivate(directory.path);
    await endUnlessShared(directory, held, options, onLost);
  } finally {
    held.close();
  }
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
