import type { Reading, ViewSource, Views } from '../api/view-source.ts';
import { atMost } from '../core/time.ts';
import { EndpointHistory, type LatencyCounts } from '../observability/endpoint-history.ts';
import { readViewsInReach, type ViewedClient } from '../queue/client-view.ts';
import { firstConnection, isConnected, whyAway } from '../queue/connections.ts';
import type { Connection } from '../queue/servers.ts';
import { countServices } from '../queue/stored-clients.ts';

const HISTORY_EVERY_MS = 10_000;
const WATCHED_EVERY_MS = 2_000;
/** The wait after a reading, in times that it took: reading takes 2 % of the time at most ... */
const WAIT_PER_READING = 50;
/** ... but for one that takes long: mostly it has waited for Redis, and people wait for the next one. */
const MOST_WAIT_MS = 5_000;
/** After this time without an answer, watchers are told. */
const ANSWER_MS = 5_000;
/** The wait for a silent server of a Cluster; less than ANSWER_MS. */
const SERVER_MS = 3_000;
/** Timers may fire a little early. */
const TIMER_MS = 2;

/** What a poller is made from. */
export interface ViewPollerParts {
  readonly redis: Connection;
  /** The clients of the configuration as it stands. */
  clients(): readonly ViewedClient[];
  /** ms since the epoch */
  now(): number;
  /** How long attempts took since this was asked last. Absent: nobody knows. */
  askLatencies?(): LatencyCounts;
  /** Between samples, and between readings while somebody watches; default: 10 s and 2 s. */
  readonly historyEveryMs?: number | undefined;
  readonly watchedEveryMs?: number | undefined;
}

/** Reads all clients regularly, one reading at a time: for the history, and for watchers. */
export class ViewPoller implements ViewSource {
  readonly history: EndpointHistory;
  readonly #parts: ViewPollerParts;
  readonly #listeners = new Set<(reading: Reading) => void>();
  #latest: Reading | undefined;
  /** As they were read last, whatever came since. */
  #views: Views | undefined;
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
    if (this.#latest === undefined) await firstConnection(this.#parts.redis, ANSWER_MS).catch(() => {});
    const begun = performance.now();
    const reading = this.#read();
    const inTime = await atMost(ANSWER_MS, reading);
    if (inTime === undefined) this.#take({ at: this.#parts.now(), reason: 'it does not answer' });
    const read = inTime ?? (await reading);
    if (inTime !== undefined || read.views !== undefined) this.#take(read);
    const ended = performance.now();
    // Waiting for a Redis that is away, or for one of its servers, costs nothing.
    const isWork = read.views !== undefined && read.unread.length === 0;
    const waitMs = Math.min(WAIT_PER_READING * (ended - begun), MOST_WAIT_MS);
    this.#mayBeginAt = isWork ? ended + waitMs : 0;
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
      if (!isConnected(redis)) return { at: now(), reason: whyAway(redis) };
      const at = now();
      const [{ found, unread }, services] = await Promise.all([
        readViewsInReach(redis, clients(), SERVER_MS),
        isWatched ? atMost(SERVER_MS, countServices(redis)).catch(() => undefined) : undefined,
      ]);
      const views = this.#withLatest(found, unread);
      const latencies = this.history.isDue(at) ? askLatencies?.() : undefined;
      this.#views = views;
      this.history.note(views, at, latencies);
      return { at, views, unread, services };
    } catch (error) {
      return { at: now(), reason: isConnected(redis) ? (error as Error).message : whyAway(redis) };
    }
  }

  /** Clients that could not be read stay as they were read last. */
  #withLatest(found: Views, unread: readonly string[]): Views {
    if (unread.length === 0) return found;
    const before = this.#views;
    const known = unread.flatMap((name) => {
      const view = before?.get(name);
      return view === undefined ? [] : [[name, view] as const];
    });
    return new Map([...found, ...known]);
  }

  #take(reading: Reading): void {
    if (this.#isStopped) return;
    this.#latest = reading;
    for (const listener of this.#listeners) listener(reading);
  }
}
