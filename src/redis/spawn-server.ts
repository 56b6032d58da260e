import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { WaybillError } from '../core/waybill-error.ts';
import { type DataDirectory, writeRecord } from './data-directory.ts';
import { type Lease, takeLease } from './lease.ts';
import { identifyProcess } from './process-identity.ts';
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

/** How a server is started; durations in milliseconds. */
export interface ServerOptions {
  readonly serverBinary: string;
  readonly startTimeoutMs: number;
  readonly answerTimeoutMs: number;
}

/** A server that was just started. */
export interface StartedServer {
  readonly lease: Lease;
  /** Where its lines begin in the directory's log. */
  readonly logStart: number;
}

/** Starts redis-server for a directory and waits until it listens. Throws a WaybillError. */
export async function startServer(directory: DataDirectory, options: ServerOptions): Promise<StartedServer> {
  const { serverBinary, startTimeoutMs, answerTimeoutMs } = options;
  const { child, logStart } = await spawnServer(directory, serverBinary);
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    const lease = await takeLease(directory.socketPath, answerTimeoutMs);
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

/**
 * Starts the process in a session of its own, so that it outlives this process and a Ctrl-C on its terminal. The
 * caller holds the directory's lock.
 */
async function spawnServer(
  directory: DataDirectory,
  binary: string,
): Promise<{ child: ChildProcess; logStart: number }> {
  const log = await openLog(directory.logPath);
  try {
    const child = spawn('/bin/sh', ['-c', WAIT_THEN_RUN, binary, ...serverSettings(directory)], {
      cwd: directory.path,
      detached: true,
      stdio: ['pipe', log.fd, log.fd],
    });
    // A child that ended early takes no word; its end says why.
    child.stdin?.on('error', () => {});
    await once(child, 'spawn');
    const identity = child.pid === undefined ? undefined : await identifyProcess(child.pid);
    if (!identity) {
      throw new WaybillError('REDIS_START_FAILED', 'the embedded Redis ended before it began');
    }
    await writeRecord(directory, identity);
    child.stdin?.end('go\n');
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
    save: '',
    appendonly: 'yes',
    appendfsync: 'always',
    'maxmemory-policy': 'noeviction',
    'hash-max-ziplist-value': '4096',
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}
