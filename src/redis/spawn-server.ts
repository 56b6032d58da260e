import { type ChildProcess, spawn } from 'node:child_process';
import { WaybillError } from '../core/waybill-error.ts';
import { type DataDirectory, writeRecord } from './data-directory.ts';
import { identifyProcess, type ProcessIdentity } from './process-identity.ts';
import { openLog, startFailure } from './server-log.ts';

/** What a shell answers if a command is missing, or may not be run. */
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

/**
 * Waits for a word before it becomes redis-server: a starter that dies before it has written down the
 * process leaves none behind that nobody knows. Secrets in the environment are not for a server that
 * outlives its starter, so it gets the search path only. What it writes is for its owner alone, whatever the
 * starter's umask is.
 */
const WAIT_THEN_RUN = 'umask 077; read -r go && exec env -i PATH="$PATH" "$0" "$@" </dev/null';

/** A server process that was just started. */
export interface SpawnedServer {
  readonly identity: ProcessIdentity;
  /** Where its lines begin in the directory's log. */
  readonly logStart: number;
  /** Whether it has ended again. */
  hasEnded(): boolean;
  /** The error that says why it ended or did not come up. */
  failure(what: string): Promise<WaybillError>;
  kill(): void;
}

/**
 * Starts redis-server for a directory, in a session of its own, so that it outlives this process and a
 * Ctrl-C on its terminal. The caller holds the directory's lock. Throws a WaybillError.
 */
export async function spawnServer(directory: DataDirectory, binary: string): Promise<SpawnedServer> {
  const log = await openLog(directory.logPath);
  try {
    const child = spawn('/bin/sh', ['-c', WAIT_THEN_RUN, binary, ...serverSettings(directory)], {
      cwd: directory.path,
      detached: true,
      stdio: ['pipe', log.fd, log.fd],
    });
    // A child that ended early takes no word; its end says why.
    child.stdin?.on('error', () => {});
    const spawned = new Promise<void>((resolve, reject) =>
      child.once('spawn', resolve).once('error', reject),
    );
    await spawned;
    const identity = await identify(child);
    await writeRecord(directory, identity);
    child.stdin?.end('go\n');
    child.unref();
    return describe(child, identity, directory, binary, log.start);
  } finally {
    await log.close();
  }
}

async function identify(child: ChildProcess): Promise<ProcessIdentity> {
  const identity = child.pid === undefined ? undefined : await identifyProcess(child.pid);
  if (identity) return identity;
  throw new WaybillError('REDIS_START_FAILED', 'the embedded Redis ended before it began');
}

function describe(
  child: ChildProcess,
  identity: ProcessIdentity,
  directory: DataDirectory,
  binary: string,
  logStart: number,
): SpawnedServer {
  return {
    identity,
    logStart,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    kill: () => void child.kill('SIGKILL'),
    failure: async (what) => {
      if (child.exitCode === NOT_FOUND || child.exitCode === NOT_EXECUTABLE) {
        const sentence = `${binary} cannot be run: install Redis (on Debian: apt-get install redis-server), or set redis.url`;
        return new WaybillError('REDIS_NOT_INSTALLED', sentence);
      }
      return startFailure(directory.logPath, what, logStart);
    },
  };
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
