import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { WaybillError } from '../core/waybill-error.ts';

/** sun_path holds 104 bytes on macOS and 108 on Linux, the closing zero included. */
const LONGEST_SOCKET_PATH_BYTES = 100;
const PRIVATE = 0o700;
/** A full disk, a quota that is used up, a limit on the size of files. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Where the embedded Redis of one data directory keeps what it has: `<dataDir>/redis`, open to its owner only. */
export interface DataDirectory {
  readonly path: string;
  readonly socketPath: string;
  readonly logPath: string;
  readonly pidPath: string;
  /** Held by a process that looks for the server, starts it or ends it. */
  readonly lockPath: string;
  /** Held by the server. */
  readonly serverLockPath: string;
}

/**
 * Finds the directory, or makes it, with permissions 0700. Throws a WaybillError `REDIS_DATA_DIR` if it may not be used.
 *
 * @returns undefined: it is missing, and may not be made
 */
export async function openDataDirectory(
  dataDir: string,
  mayMake: boolean,
): Promise<DataDirectory | undefined> {
  const unresolved = join(dataDir, 'redis');
  try {
    if (mayMake) await mkdir(unresolved, { recursive: true, mode: PRIVATE });
    const path = await realpath(unresolved);
    await keepPrivate(path);
    const beside = join(path, 'redis.sock');
    const fits = Buffer.byteLength(beside) <= LONGEST_SOCKET_PATH_BYTES;
    return {
      path,
      socketPath: fits ? beside : await socketPathElsewhere(path),
      logPath: join(path, 'redis.log'),
      pidPath: join(path, 'server.pid'),
      lockPath: join(path, 'lock'),
      serverLockPath: join(path, 'server.lock'),
    };
  } catch (error) {
    if (!mayMake && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(unresolved, error);
  }
}

/** A socket for a path that is too long for one. Not in `os.tmpdir()`, which may differ between two processes. */
async function socketPathElsewhere(path: string): Promise<string> {
  const name = createHash('sha256').update(path).digest('hex').slice(0, 16);
  const directory = join('/tmp', `waybill-${name}`);
  await mkdir(directory, { mode: PRIVATE }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await keepPrivate(directory);
  return join(directory, 'redis.sock');
}

/** Another user who could write here could put a server of their own in place. */
async function keepPrivate(path: string): Promise<void> {
  const found = await lstat(path);
  const self = process.getuid?.() ?? found.uid;
  if (!found.isDirectory()) throw new WaybillError('REDIS_DATA_DIR', `${path} is not a directory`);
  if (found.uid !== self && self !== 0) {
    throw new WaybillError('REDIS_DATA_DIR', `${path} belongs to user ${found.uid}, not to user ${self}`);
  }
  if ((found.mode & 0o777) !== PRIVATE) await chmod(path, PRIVATE);
}

/** What a failure of the file system means to the operator; a WaybillError stays as it is. */
export function unusable(path: string, error: unknown): WaybillError {
  if (error instanceof WaybillError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (NO_ROOM.has(code ?? '')) return new WaybillError('REDIS_DISK_FULL', `no space is left for ${path}`);
  const sentence = `${path} cannot be used for the embedded Redis: ${message}`;
  return new WaybillError('REDIS_DATA_DIR', sentence, { cause: error });
}
