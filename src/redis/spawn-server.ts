import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { WaybillError } from '../core/waybill-error.ts';
import type { DataDirectory } from './data-directory.ts';
import { Lease } from './lease.ts';
import { openLog, startFailure } from './server-log.ts';
import { isSupportedVersion, OLDEST_VERSION } from './settings.ts';

/** What a shell answers if a command is missing, or may not be run. */
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;
const LOOK_AGAIN_MS = 10;

/**
 * Waits for a word before it becomes redis-server: a starter that dies before it has written down the
 * process leaves none behind that nobody knows. Secrets in the environment are not for a server that
 * outlives its starter, so it gets the search path only. What it writes is for its owner alone, whatever the
 * starter's umask is.
 */
const WAIT_THEN_RUN = 'umask 077; read -r go && exec env -i PATH="$PATH" "$0" "$@" </dev/null';

/** How a server is started and asked. */
export interface ServerSettings {
  /** A command on the search path, or a path. */
  readonly serverBinary: string;
  /** How long a server may take to listen, and another process to start or stop one. */
  readonly startTimeoutMs: number;
  /** How long the server may stay silent, or stand still while it reads its file. */
  readonly answerTimeoutMs: number;
}

/** A server that was found or started; `logStart` is where the lines of a started one begin in the log. */
export interface FoundServer {
  readonly lease: Lease;
  readonly logStart?: number;
}

/**
 * Starts redis-server for a directory and waits until it listens. Throws a WaybillError.
 *
 * @param lock the server's lock as an open file: it is handed on, and ends with the server
 */
export async function startServer(
  directory: DataDirectory,
  { serverBinary, startTimeoutMs, answerTimeoutMs }: ServerSettings,
  lock: number,
): Promise<FoundServer> {
  const { child, logStart } = await spawnServer(directory, serverBinary, lock);
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    const lease = await Lease.take(directory, answerTimeoutMs);
    if (lease && isSupportedVersion(lease.server.version)) return { lease, logStart };
    if (lease) {
      lease.close();
      child.kill('SIGKILL');
      const found = `redis-server ${lease.server.version} is too old`;
      throw new WaybillError('REDIS_TOO_OLD', `${found}: ${OLDEST_VERSION.join('.')} or later is needed`);
    }
    if (child.exitCode === NOT_FOUND || child.exitCode === NOT_EXECUTABLE) {
      const sentence = `${serverBinary} cannot be run: install Redis (on Debian: apt-get install redis-server), or set redis.url`;
      throw new WaybillError('REDIS_NOT_INSTALLED', sentence);
    }
    if (child.exitCode !== null || child.signalCode !== null) {
      throw await startFailure(directory.logPath, 'could not be started', logStart);
    }
    if (performance.now() > deadline) {
      child.kill('SIGKILL');
      throw await startFailure(directory.logPath, `did not listen within ${startTimeoutMs} ms`, logStart);
    }
    await pause(LOOK_AGAIN_MS);
  }
}

/** Starts the process in a session of its own, so that it outlives this process and a Ctrl-C on its terminal. */
async function spawnServer(directory: DataDirectory, binary: string, lock: number) {
  const log = await openLog(directory.logPath);
  try {
    const child = spawn('/bin/sh', ['-c', WAIT_THEN_RUN, binary, ...serverSettings(directory)], {
      cwd: directory.path,
      detached: true,
      stdio: ['pipe', log.fd, log.fd, lock],
    });
    // A child that ended early takes no word; its end says why.
    child.stdin?.on('error', () => {});
    await once(child, 'spawn');
    try {
      await writeFile(directory.pidPath, String(child.pid), { mode: 0o600 });
      child.stdin?.write('go\n');
    } finally {
      child.stdin?.end();
    }
    child.unref();
    return { child, logStart: log.start };
  } finally {
    await log.close();
  }
}

/** `hash-max-ziplist-value` is what Redis 6.2 calls `hash-max-listpack-value`; later ones know both names. */
function serverSettings(directory: DataDirectory): string[] {
  const settings: Record<string, string> = {
    port: '0',
    unixsocket: directory.socketPath,
    unixsocketperm: '700',
    dir: directory.path,
    logfile: directory.logPath,
    daemonize: 'no',
    // Relative, as the server of a removed directory must not remove the file of the next one.
    pidfile: basename(directory.pidPath),
    save: '',
    appendonly: 'yes',
    appendfsync: 'always',
    'maxmemory-policy': 'noeviction',
    'hash-max-ziplist-value': '4096',
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}
