import type { Reading, ViewSource } from '../api/view-source.ts';
import { atMost } from '../core/time.ts';
import { EndpointHistory, type LatencyCounts } from '../observability/endpoint-history.ts';
import { readClientViews, type ViewedClient } from '../queue/client-view.ts';
import { firstConnection, isConnected, whyAway } from '../queue/connections.ts';
import type { Connection } from '../queue/servers.ts';
import { countServices } from '../queue/stored-clients.ts';

const HISTORY_EVERY_MS = 10_000;
const WATCHED_EVERY_MS = 2_000;
/** The wait after a reading, in times that it took: reading takes 2 % of the time at most. */
const WAIT_PER_READING = 50;
/** After so long without an answer, watchers are told. */
const ANSWER_MS = 5_000;
/** Timers may fire a little early. */
const TIMER_MS = 2;

/** What a poller is made from. */
export interface ViewPollerParts {
  readonly redis: Connection;
  /** The clients of the configuration as it stands. */
  clients(): readonly ViewedClient[];
  /** ms since the epoch */
  now(): number;
  /** Asks the workers how long attempts took since they were asked last. Absent: nobody knows. Never rejects. */
  askLatencies?(): Promise<LatencyCounts>;
  /** Between samples, and between readings while somebody watches; default: 10 s and 2 s. */
  readonly historyEveryMs?: number | undefined;
  readonly watchedEveryMs?: number | undefined;
}

/** Reads all clients regularly, one reading at a time: for the history, and for whoever watches. */
export class ViewPoller implements ViewSource {
  readonly history: EndpointHistory;
  readonly #parts: ViewPollerParts;
  readonly #listeners = new Set<(reading: Reading) => void>();
  #latest: Reading | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isReading = false;
  #isStopped = false;
  /** When the next reading may begin, by `performance.now()`. */
  #mayBeginAt = 0;

  constructor(parts: ViewPollerParts) {
    this.#parts = parts;
    this.history = new EndpointHistory(parts.historyEveryMs ?? HISTORY_EVERY_MS);
    void this.#poll();
  }

  get latest(): Reading | undefined {
    return this.#latest;
  }

  watch(listener: (reading: Reading) => void): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.readSoon();
    return () => this.#listeners.delete(listener);
  }

  /** Reads as soon as it may. */
  readSoon(): void {
    this.#pollAfter(0);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  async #poll(): Promise<void> {
    this.#isReading = true;
    const begun = performance.now();
    const reading = this.#read();
    const inTime = await atMost(ANSWER_MS, reading);
    if (inTime === undefined) this.#take({ at: this.#parts.now(), reason: 'it does not answer' });
    const read = inTime ?? (await reading);
    if (inTime !== undefined || read.views !== undefined) this.#take(read);
    const ended = performance.now();
    // Waiting for a Redis that is away costs nothing.
    this.#mayBeginAt = read.views === undefined ? 0 : ended + WAIT_PER_READING * (ended - begun);
    this.#isReading = false;
    this.#pollAfter(this.#untilDue());
  }

  /** Readings begin at the multiples of their period, as samples do. */
  #untilDue(): number {
    const { watchedEveryMs = WATCHED_EVERY_MS, now } = this.#parts;
    const periodMs = this.#listeners.size > 0 ? watchedEveryMs : this.history.everyMs;
    return periodMs - (now() % periodMs) + TIMER_MS;
  }

  #pollAfter(ms: number): void {
    if (this.#isReading || this.#isStopped) return;
    clearTimeout(this.#timer);
    const waitMs = Math.max(ms, this.#mayBeginAt - performance.now());
    this.#timer = setTimeout(() => void this.#poll(), waitMs);
  }

  /** Never rejects. */
  async #read(): Promise<Reading> {
    const { redis, clients, now, askLatencies } = this.#parts;
    const isWatched = this.#listeners.size > 0;
    try {
      if (this.#latest === undefined) await firstConnection(redis, ANSWER_MS);
      if (!isConnected(redis)) return { at: now(), reason: whyAway(redis) };
      const at = now();
      const [views, services, latencies] = await Promise.all([
        readClientViews(redis, clients()),
        isWatched ? countServices(redis) : undefined,
        this.history.isDue(at) ? askLatencies?.() : undefined,
      ]);
      this.history.note(views, at, latencies);
      return { at, views, services };
    } catch (error) {
      return { at: now(), reason: isConnected(redis) ? (error as Error).message : whyAway(redis) };
    }
  }

  #take(reading: Reading): void {
    if (this.#isStopped) return;
    this.#latest = reading;
    for (const listener of this.#listeners) listener(reading);
  }
}
