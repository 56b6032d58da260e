import { type FileHandle, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { WaybillError } from '../core/waybill-error.ts';
import { type DataDirectory, openDataDirectory, unusable } from './data-directory.ts';
import { lockFile } from './file-lock.ts';
import { Lease, type LoadingProgress } from './lease.ts';
import { droppedEnd, startFailure } from './server-log.ts';
import { type FoundServer, type ServerSettings, startServer } from './spawn-server.ts';

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

/** Where the embedded Redis is, and how it is found or started. */
export interface AttachSettings extends ServerSettings {
  /** Made, with permissions 0700, if it is missing. */
  readonly dataDir: string;
  readonly onEvent: (event: EmbeddedRedisEvent) => void;
}

/**
 * Takes a lease on the directory's server and waits until it is ready. Looking, starting and ending happen
 * under the directory's lock, one process at a time: a new user either holds a lease before the last one counts
 * them, or finds the server gone and starts it. The server holds a lock of its own, so that there is one.
 *
 * @param mayStart starts the server if none runs
 * @returns undefined: none runs
 */
export async function attach(settings: AttachSettings, mayStart: boolean): Promise<Lease | undefined> {
  const directory = await openDataDirectory(settings.dataDir, mayStart);
  if (directory === undefined) return undefined;
  try {
    const found = await alone(directory, settings, () => joinOrStart(directory, settings, mayStart));
    if (found !== undefined) await waitUntilReady(directory, settings, found);
    return found?.lease;
  } catch (error) {
    throw unusable(directory.path, error);
  }
}

async function alone<Result>(
  { lockPath }: DataDirectory,
  { startTimeoutMs }: AttachSettings,
  action: () => Promise<Result>,
): Promise<Result> {
  // Another one may start a server meanwhile, which takes as long as a start may take.
  const lock = await lockFile(lockPath, startTimeoutMs + END_TIMEOUT_MS);
  if (lock === undefined) {
    throw new WaybillError('REDIS_BUSY', `${lockPath} has been held by another process for too long`);
  }
  try {
    return await action();
  } finally {
    await lock.close();
  }
}

async function joinOrStart(
  directory: DataDirectory,
  settings: AttachSettings,
  mayStart: boolean,
): Promise<FoundServer | undefined> {
  const lease = await Lease.take(directory, settings.answerTimeoutMs);
  if (lease?.server.workingDirectory === directory.path) return { lease };
  const free = await lockFile(directory.serverLockPath, 0);
  // A container may have the directory under another path; without the lock it is the server of a removed one.
  if (lease && free === undefined) return { lease };
  lease?.close();
  const lock = free ?? (await endUnreachable(directory));
  try {
    return free === undefined || mayStart ? await startServer(directory, settings, lock.fd) : undefined;
  } finally {
    await lock.close();
  }
}

/**
 * Ends a server that lives without a socket (someone removed the file): it cannot be reached any more, and a second
 * one on the same files would ruin them.
 *
 * @returns its lock
 */
async function endUnreachable({ path, pidPath, serverLockPath }: DataDirectory): Promise<FileHandle> {
  const pid = Number(await readFile(pidPath, 'utf8').catch(() => ''));
  try {
    // Its group: a child that outlives it holds the lock too, and no other process gets the number of a group.
    if (pid > 1) process.kill(-pid, 'SIGTERM');
  } catch {
    // It has just ended.
  }
  const lock = await lockFile(serverLockPath, END_TIMEOUT_MS);
  if (lock) return lock;
  throw new WaybillError(
    'REDIS_STOP_FAILED',
    `the embedded Redis of ${path} (process ${pid}) has lost its socket and does not end`,
  );
}

async function waitUntilReady(
  { logPath }: DataDirectory,
  { answerTimeoutMs, onEvent }: AttachSettings,
  { lease, logStart }: FoundServer,
): Promise<void> {
  try {
    await lease.untilLoaded(answerTimeoutMs, (progress) => onEvent({ kind: 'loading', ...progress }));
    const dropped = logStart === undefined ? undefined : await droppedEnd(logPath, logStart);
    if (dropped !== undefined) onEvent({ kind: 'dropped_end', words: dropped });
  } catch (error) {
    const hasEnded = lease.isClosed;
    lease.close();
    if (hasEnded) throw await startFailure(logPath, 'ended while it read its file');
    throw error;
  }
}

/**
 * Gives a lease back. The last one ends the server and waits for its end. `onLost` is called if the server turns
 * out to have ended already.
 */
export async function detach(
  lease: Lease,
  settings: AttachSettings,
  onLost: () => Promise<void>,
): Promise<void> {
  try {
    // What a removed directory held is lost; its server ends all the same.
    const directory = (await openDataDirectory(settings.dataDir, true)) as DataDirectory;
    await alone(directory, settings, async () => {
      const users = await lease.count().catch((error: Error) => {
        if (!lease.isClosed) throw error;
      });
      if (users === undefined) await onLost();
      else if (users === 1) await endServer(lease, directory);
      else await lease.giveBack();
    });
  } finally {
    lease.close();
  }
}

/**
 * Its connections end before the process does: a service that looks in between would take the server for one without a
 * socket.
 */
async function endServer(lease: Lease, { serverLockPath }: DataDirectory): Promise<void> {
  const deadline = performance.now() + END_TIMEOUT_MS;
  let refusal = await lease.shutdown();
  // It refuses for a moment while it writes its first append-only file.
  while (refusal !== undefined && performance.now() < deadline) {
    await pause(LOOK_AGAIN_MS);
    refusal = await lease.shutdown();
  }
  const lock = refusal === undefined ? await lockFile(serverLockPath, END_TIMEOUT_MS) : undefined;
  if (lock !== undefined) return lock.close();
  refusal ??= 'its lock is held';
  const sentence = `the embedded Redis (process ${lease.server.pid}) does not end: ${refusal}`;
  throw new WaybillError('REDIS_STOP_FAILED', sentence);
}
