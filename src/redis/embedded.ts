import { setTimeout as pause } from 'node:timers/promises';
import { type AttachSettings, attach, detach } from './attach.ts';
import type { Lease } from './lease.ts';
import { endCause } from './server-log.ts';

const DEFAULTS = {
  serverBinary: 'redis-server',
  startTimeoutMs: 15_000,
  answerTimeoutMs: 30_000,
  onEvent: () => {},
};
const LONGEST_PAUSE_MS = 5_000;
/** A server that lives for less is started again only after a pause: a full disk ends it at every write. */
const STEADY_MS = 30_000;

/** How the embedded Redis is found or started; by default `redis-server` from the search path, 15 s and 30 s. */
export type EmbeddedRedisOptions = Pick<AttachSettings, 'dataDir'> & Partial<AttachSettings>;

/**
 * Joins the embedded Redis of a data directory; starts it if none runs. It outlives this process, however
 * that ends, until the last user releases it. If the server dies meanwhile, it is started again.
 *
 * Throws a WaybillError: `REDIS_NOT_INSTALLED`, `REDIS_TOO_OLD`, `REDIS_DATA_DIR`, `REDIS_DATA_CORRUPT`,
 * `REDIS_DISK_FULL`, `REDIS_START_FAILED`, `REDIS_LOADING`, `REDIS_NOT_ANSWERING`, `REDIS_BUSY`.
 */
export async function startEmbeddedRedis(options: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
  const settings = { ...DEFAULTS, ...options };
  return new EmbeddedRedis(settings, (await attach(settings, true)) as Lease);
}

/** Joins the embedded Redis if it runs; undefined if it does not. Throws as `startEmbeddedRedis` does. */
export async function findEmbeddedRedis(options: EmbeddedRedisOptions): Promise<EmbeddedRedis | undefined> {
  const settings = { ...DEFAULTS, ...options };
  const lease = await attach(settings, false);
  return lease && new EmbeddedRedis(settings, lease);
}

/** A use of the embedded Redis: keeps a lease, and regains it when it is lost, until it is released. */
export class EmbeddedRedis {
  readonly #settings: AttachSettings;
  readonly #ending = new AbortController();
  #lease: Lease;
  #regaining: Promise<void> = Promise.resolve();
  #lost: Lease | undefined;
  #pauseMs = 0;
  #regainedAt = performance.now();
  #released: Promise<void> | undefined;

  constructor(settings: AttachSettings, lease: Lease) {
    this.#settings = settings;
    this.#lease = lease;
    this.#watch();
  }

  /** The same for as long as the server lives, and for its successor. */
  get socketPath(): string {
    return this.#lease.directory.socketPath;
  }

  get pid(): number {
    return this.#lease.server.pid;
  }

  /**
   * Ends this use; the last one stops the server and waits for its end. Close your other connections first:
   * they do not count as uses. Calling it again changes nothing. Throws a WaybillError `REDIS_STOP_FAILED`.
   */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    this.#ending.abort();
    await this.#regaining;
    // A command may fail over a server that has ended, and end, before this connection closes.
    await detach(this.#lease, this.#settings, () => this.#tellLost());
  }

  #watch(): void {
    this.#lease.onClosed(() => {
      if (!this.#ending.signal.aborted) this.#regaining = this.#regain();
    });
  }

  async #tellLost(): Promise<void> {
    if (this.#lost === this.#lease) return;
    this.#lost = this.#lease;
    const cause = await endCause(this.#lease.directory.logPath, this.pid);
    this.#settings.onEvent({ kind: 'lost', ...(cause === undefined ? {} : { cause }) });
  }

  async #regain(): Promise<void> {
    const { onEvent } = this.#settings;
    const { signal } = this.#ending;
    await this.#tellLost();
    if (performance.now() - this.#regainedAt > STEADY_MS) this.#pauseMs = 0;
    while (this.#lease === this.#lost) {
      // Ends early, without an error, if this use ends.
      await pause(this.#pauseMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      this.#pauseMs = Math.min(this.#pauseMs * 2 + 100, LONGEST_PAUSE_MS);
      try {
        this.#lease = (await attach(this.#settings, true)) as Lease;
      } catch (error) {
        onEvent({ kind: 'regain_failed', error: error as Error });
      }
    }
    this.#regainedAt = performance.now();
    this.#watch();
    onEvent({ kind: 'regained', pid: this.pid });
  }
}
