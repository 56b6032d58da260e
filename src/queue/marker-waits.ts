import type { Redis } from 'ioredis';
import { isConnected } from './connections.ts';

/** How long one call waits in Redis; then the next one follows. */
const BLOCK_SECONDS = 5;
/** A connection on which Redis was silent for so long is given up. */
const SILENT_MS = BLOCK_SECONDS * 1_000 + 1_500;
/** The wait after an error, so that an outage does not spin. */
const ERROR_WAIT_MS = 100;
/** How soon an interruption is tried again that came before the call that it was for. */
const OVERTAKEN_MS = 1;

/** What BullMQ leaves for idle workers: at once there is work, or at `score` (ms since the epoch). */
export interface Marker {
  readonly member: string;
  readonly score: number;
}

/** Ends a wait as if there were no work, and none to come. */
export const NO_WORK: Marker = { member: '', score: Number.POSITIVE_INFINITY };

/** What it works with. */
export interface WaitsParts {
  /** The connection that all other commands go over; it is never blocked. */
  readonly redis: Redis;
  onError(error: Error): void;
}

interface Waiter {
  readonly resolve: (marker: Marker | undefined) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Waits for the markers of some queues over one connection of its own: one blocking call for all of them. With one
 * queue it is what BullMQ does. With several, one that comes to wait while a call is under way interrupts it. Not
 * for a Redis Cluster, where the keys of one call must share a slot.
 */
export class MarkerWaits {
  readonly #parts: WaitsParts;
  readonly #blocking: Redis;
  readonly #waiting = new Map<string, Waiter>();
  /** The keys of the call under way; undefined: there is none. */
  #covered: ReadonlySet<string> | undefined;
  /** The call that was interrupted the last time. */
  #interrupted: ReadonlySet<string> | undefined;
  #id: { readonly value: number; readonly of: unknown } | undefined;
  #looping = false;
  #closed = false;
  #wake = (): void => {};

  constructor(parts: WaitsParts) {
    this.#parts = parts;
    // What was under way on a connection that ends is rejected at once, and never sent again.
    this.#blocking = parts.redis.duplicate({
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      socketTimeout: SILENT_MS,
      connectionName: 'waybill-worker-waits',
    });
    this.#blocking.on('error', parts.onError);
  }

  /** The marker of a queue, which is taken away by that; undefined: none for so long, or `wake`. */
  wait(key: string, ms: number): Promise<Marker | undefined> {
    return new Promise((resolve) => {
      if (this.#closed) return resolve(NO_WORK);
      this.#waiting.set(key, { resolve, timer: setTimeout(() => this.wake(key), Math.ceil(ms)) });
      if (!this.#looping) void this.#loop();
      else if (this.#covered !== undefined && !this.#covered.has(key)) void this.#join(key, this.#covered);
    });
  }

  /** Ends the wait for a queue's marker, if there is one: with that marker, or with none, as if its time were over. */
  wake(key: string, marker?: Marker): void {
    const waiter = this.#waiting.get(key);
    if (waiter === undefined) return;
    clearTimeout(waiter.timer);
    this.#waiting.delete(key);
    waiter.resolve(marker);
  }

  /** Ends all waits. */
  close(): void {
    this.#closed = true;
    for (const key of [...this.#waiting.keys()]) this.wake(key, NO_WORK);
    this.#wake();
    this.#blocking.disconnect();
  }

  async #loop(): Promise<void> {
    this.#looping = true;
    while (!this.#closed && this.#waiting.size > 0) {
      try {
        await this.#connected();
        if (!this.#closed) await this.#call();
      } catch (error) {
        this.#covered = undefined;
        // What the connection itself says is told of already.
        if (!this.#closed && isConnected(this.#blocking)) this.#parts.onError(error as Error);
        await this.#pause(ERROR_WAIT_MS);
      }
    }
    this.#looping = false;
  }

  async #connected(): Promise<void> {
    const blocking = this.#blocking;
    if (!isConnected(blocking)) {
      const onReady = (): void => this.#wake();
      blocking.once('ready', onReady);
      await this.#pause();
      blocking.off('ready', onReady);
    }
    if (this.#closed || this.#id?.of === blocking.stream) return;
    const of = blocking.stream;
    this.#id = { value: Number(await blocking.client('ID')), of };
  }

  async #call(): Promise<void> {
    const keys = [...this.#waiting.keys()];
    if (keys.length === 0) return;
    this.#covered = new Set(keys);
    const popped = await this.#blocking.bzpopmin(...keys, BLOCK_SECONDS);
    this.#covered = undefined;
    if (popped !== null) this.#handOver(popped[0], { member: popped[1], score: Number(popped[2]) });
  }

  /** A marker of a queue that is not waited for any longer is left to other processes. */
  #handOver(key: string, marker: Marker): void {
    if (this.#waiting.has(key)) this.wake(key, marker);
    else if (!this.#closed) {
      // Refused while Redis is full, or lost with the connection: then the next look at all queues finds the work.
      this.#parts.redis.zadd(key, 'NX', marker.score, marker.member).catch(() => {});
    }
  }

  /** Waits with the others. Whoever has taken a batch has left a marker, and needs no new call. */
  async #join(key: string, call: ReadonlySet<string>): Promise<void> {
    try {
      const [member, score] = await this.#parts.redis.zpopmin(key);
      if (member !== undefined) this.#handOver(key, { member, score: Number(score) });
      else if (this.#covered === call && this.#waiting.has(key)) await this.#interrupt(call);
    } catch (error) {
      if (!this.#closed) this.#parts.onError(error as Error);
    }
  }

  /** Makes Redis answer the call under way, as if its time were over. */
  async #interrupt(call: ReadonlySet<string>): Promise<void> {
    if (this.#interrupted === call) return;
    this.#interrupted = call;
    while (!this.#closed && this.#covered === call) {
      const unblocked = await this.#parts.redis.client('UNBLOCK', this.#id?.value ?? 0);
      if (Number(unblocked) === 1) return;
      // It has overtaken the call, or an answer is on its way.
      await new Promise((resolve) => setTimeout(resolve, OVERTAKEN_MS));
    }
  }

  /** Until it is woken, or so many milliseconds are over. */
  async #pause(ms?: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#closed) resolve();
      else if (ms !== undefined) timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }
}
