import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WaybillError } from '../core/waybill-error.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** sun_path holds 104 bytes on macOS and 108 on Linux, the closing zero included. */
const LONGEST_SOCKET_PATH_BYTES = 100;
const PRIVATE = 0o700;
/** A full disk, a quota that is used up, a limit on the size of files. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Where the embedded Redis of one data directory keeps what it has: `<dataDir>/redis`, open to its owner only. */
export interface DataDirectory {
  readonly path: string;
  /** Where a new server is to listen; a running one may listen elsewhere, as its record says. */
  readonly socketPath: string;
  readonly lockPath: string;
  readonly logPath: string;
}

/** What is written down about the running server. */
export interface ServerRecord extends ProcessIdentity {
  readonly socketPath: string;
  /** Device and inode of the directory: a copied record says nothing about the copy. */
  readonly directory: string;
}

/** Finds the directory, or makes it, with permissions 0700. Throws a WaybillError `REDIS_DATA_DIR`. */
export async function makeDataDirectory(dataDir: string): Promise<DataDirectory> {
  const path = join(dataDir, 'redis');
  await makePrivate(path);
  return describe(path).catch((error: unknown) => {
    throw unusable(path, error);
  });
}

/** Makes a directory, if it is missing, for its owner alone. Throws a WaybillError `REDIS_DATA_DIR`. */
export async function makePrivate(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: PRIVATE }).catch((error: unknown) => {
    throw unusable(path, error);
  });
}

/** The directory if it exists; makes none. Throws a WaybillError `REDIS_DATA_DIR` if it may not be used. */
export async function findDataDirectory(dataDir: string): Promise<DataDirectory | undefined> {
  const path = join(dataDir, 'redis');
  return describe(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw unusable(path, error);
  });
}

async function describe(unresolved: string): Promise<DataDirectory> {
  const path = await realpath(unresolved);
  await keepPrivate(path);
  const beside = join(path, 'redis.sock');
  const fits = Buffer.byteLength(beside) <= LONGEST_SOCKET_PATH_BYTES;
  return {
    path,
    socketPath: fits ? beside : await socketPathElsewhere(path),
    lockPath: join(path, 'lock'),
    logPath: join(path, 'redis.log'),
  };
}

/** A directory whose path is too long for a socket has it in the system's temporary directory. */
async function socketPathElsewhere(path: string): Promise<string> {
  const name = createHash('sha256').update(path).digest('hex').slice(0, 16);
  const directory = join(tmpdir(), `waybill-${name}`);
  await mkdir(directory, { mode: PRIVATE }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await keepPrivate(directory);
  const socketPath = join(directory, 'redis.sock');
  if (Buffer.byteLength(socketPath) <= LONGEST_SOCKET_PATH_BYTES) return socketPath;
  throw new WaybillError('REDIS_DATA_DIR', `${path} and ${directory} are both too long for a unix socket`);
}

/** Another user who could write here could put a server or a record of their own in place. */
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

/** Names a directory by device and inode, which a move keeps and a copy does not. */
export async function directoryId(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && `${found.dev}:${found.ino}`;
}

/** What is written down about this directory's server; undefined: nothing, or about another directory's. */
export async function readRecord(directory: DataDirectory): Promise<ServerRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(recordPath(directory), 'utf8')) as ServerRecord;
    return record.directory === (await directoryId(directory.path)) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Writes down which process serves the directory, in one step. */
export async function writeRecord(directory: DataDirectory, server: ProcessIdentity): Promise<void> {
  const id = await directoryId(directory.path);
  const record = { ...server, socketPath: directory.socketPath, directory: id };
  const draft = `${recordPath(directory)}.draft`;
  await writeFile(draft, JSON.stringify(record), { mode: 0o600 });
  await rename(draft, recordPath(directory));
}

/** Forgets the server that has ended. */
export async function removeRecord(directory: DataDirectory): Promise<void> {
  await rm(recordPath(directory), { force: true });
}

function recordPath(directory: DataDirectory): string {
  return join(directory.path, 'server.json');
}
