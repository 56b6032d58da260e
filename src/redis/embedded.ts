import { setTimeout as pause } from 'node:timers/promises';
import { type AttachOptions, attach, attachRunning, detach, type EmbeddedRedisEvent } from './attach.ts';
import { type DataDirectory, findDataDirectory, makeDataDirectory } from './data-directory.ts';
import type { Lease } from './lease.ts';
import { endCause } from './server-log.ts';

const START_TIMEOUT_MS = 15_000;
const ANSWER_TIMEOUT_MS = 30_000;
const LONGEST_PAUSE_MS = 5_000;
/** A server that lives for less is started again only after a pause: a full disk ends it at every write. */
const STEADY_MS = 30_000;

/** How the embedded Redis is found or started. */
export interface EmbeddedRedisOptions {
  /** Made, with permissions 0700, if it is missing. */
  readonly dataDir: string;
  /** A command on the search path, or a path; default `redis-server`. */
  readonly serverBinary?: string;
  /** How long a server may take to listen, and another process to start or stop one; default 15 s. */
  readonly startTimeoutMs?: number;
  /** How long the server may stay silent, or stand still while it reads its file; default 30 s. */
  readonly answerTimeoutMs?: number;
  readonly onEvent?: (event: EmbeddedRedisEvent) => void;
}

/** A use of the embedded Redis. */
export interface EmbeddedRedis {
  /** The same for as long as the server lives, and for its successor. */
  readonly socketPath: string;
  readonly pid: number;
  /**
   * Ends this use; the last one stops the server and waits for its end. Close your other connections first:
   * they do not count as uses. Calling it again changes nothing. Throws a WaybillError `REDIS_STOP_FAILED`.
   */
  release(): Promise<void>;
}

/**
 * Joins the embedded Redis of a data directory; starts it if none runs. It outlives this process, however
 * that ends, until the last user releases it. If the server dies meanwhile, it is started again.
 *
 * Throws a WaybillError: `REDIS_NOT_INSTALLED`, `REDIS_TOO_OLD`, `REDIS_DATA_DIR`, `REDIS_DATA_CORRUPT`,
 * `REDIS_DISK_FULL`, `REDIS_START_FAILED`, `REDIS_LOADING`, `REDIS_NOT_ANSWERING`, `REDIS_BUSY`.
 */
export async function startEmbeddedRedis(options: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
  const directory = await makeDataDirectory(options.dataDir);
  const settings = withDefaults(options);
  return hold(directory, settings, await attach(directory, settings));
}

/** Joins the embedded Redis if it runs; undefined if it does not. Throws as `startEmbeddedRedis` does. */
export async function findEmbeddedRedis(options: EmbeddedRedisOptions): Promise<EmbeddedRedis | undefined> {
  const directory = await findDataDirectory(options.dataDir);
  if (!directory) return undefined;
  const settings = withDefaults(options);
  const lease = await attachRunning(directory, settings);
  return lease && hold(directory, settings, lease);
}

function withDefaults(options: EmbeddedRedisOptions): AttachOptions {
  return {
    serverBinary: options.serverBinary ?? 'redis-server',
    startTimeoutMs: options.startTimeoutMs ?? START_TIMEOUT_MS,
    answerTimeoutMs: options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS,
    report: options.onEvent ?? (() => {}),
  };
}

/** Keeps the lease, and regains it when it is lost, until it is released. */
function hold(directory: DataDirectory, settings: AttachOptions, first: Lease): EmbeddedRedis {
  const ending = new AbortController();
  const { signal } = ending;
  let lease = first;
  let regaining: Promise<void> = Promise.resolve();
  let told: Lease | undefined;
  let pauseMs = 0;
  let regainedAt = performance.now();

  function watch(): void {
    lease.onClosed(() => {
      if (!signal.aborted) regaining = regain();
    });
  }
  async function tellLost(): Promise<void> {
    if (told === lease) return;
    told = lease;
    const cause = await endCause(directory.logPath, lease.server.pid);
    settings.report({ kind: 'lost', ...(cause === undefined ? {} : { cause }) });
  }
  async function regain(): Promise<void> {
    await tellLost();
    if (performance.now() - regainedAt > STEADY_MS) pauseMs = 0;
    while (lease === told) {
      // Ends early, without an error, if this use ends.
      await pause(pauseMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      pauseMs = Math.min(pauseMs * 2 + 100, LONGEST_PAUSE_MS);
      try {
        lease = await attach(directory, settings);
      } catch (error) {
        settings.report({ kind: 'regain_failed', error: error as Error });
      }
    }
    regainedAt = performance.now();
    watch();
    settings.report({ kind: 'regained', pid: lease.server.pid });
  }
  async function release(): Promise<void> {
    ending.abort();
    await regaining;
    // A command may fail over a server that has ended, and end, before this connection closes.
    await detach(directory, lease, settings, tellLost);
  }

  let released: Promise<void> | undefined;
  watch();
  return {
    get socketPath() {
      return lease.socketPath;
    },
    get pid() {
      return lease.server.pid;
    },
    release: () => (released ??= release()),
  };
}
