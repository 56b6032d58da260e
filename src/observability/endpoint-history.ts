import type { EndpointDurations } from '../core/delivery-meter.ts';
import type { ClientView, EndpointView } from '../queue/client-view.ts';
import { type Change, changeOf, FAILURE_GROUPS, HISTORY_STATES, standingOf } from './endpoint-change.ts';

/** Samples that are kept of an endpoint: an hour at one every ten seconds. */
const SAMPLES = 360;

const UNKNOWN = HISTORY_STATES.indexOf('unknown');
/** Series in which a number may be missing: it is NaN there. */
const WITH_GAPS: ReadonlySet<string> = new Set(['rate', 'p50', 'p90', 'p99']);

type Views = ReadonlyMap<string, ClientView>;
/** Attempts by duration (the buckets of DURATION_MS) since the sample before, by `endpointName`. */
export type LatencyCounts = ReadonlyMap<string, readonly number[]>;

/** Adds up what several workers tell of how long attempts took. */
export class DurationSums {
  #sums = new Map<string, number[]>();

  add(all: readonly EndpointDurations[]): void {
    for (const [client, type, counts] of all) {
      const name = endpointName(client, type);
      const before = this.#sums.get(name) ?? [];
      this.#sums.set(
        name,
        counts.map((count, i) => count + (before[i] ?? 0)),
      );
    }
  }

  /** What was told since this was asked last. */
  take(): LatencyCounts {
    const sums = this.#sums;
    this.#sums = new Map();
    return sums;
  }
}

/** Names an endpoint: neither part has a blank. */
export function endpointName(client: string, type: string): string {
  return `${client} ${type}`;
}

/**
 * The last hour of each endpoint. An endpoint at which nothing has changed since then takes no memory: its samples
 * are all as the latest reading says.
 */
export class EndpointHistory {
  /** Milliseconds between two samples. */
  readonly everyMs: number;
  readonly #rings = new Map<string, Ring>();
  #views: Views | undefined;
  /** Samples begin at the multiples of `everyMs`; this is the latest one's number since the epoch. */
  #slot = 0;
  #count = 0;

  constructor(everyMs = 10_000) {
    this.everyMs = everyMs;
  }

  /** Whether the next sample is due. @param at ms since the epoch */
  isDue(at: number): boolean {
    return this.#views === undefined || Math.floor(at / this.everyMs) !== this.#slot;
  }

  /**
   * Takes a sample of all endpoints if one is due; the first reading only says where counters begin. Samples that were
   * missed since the one before get equal parts of what was counted.
   *
   * @param at when the views were read, ms since the epoch
   */
  note(views: Views, at: number, latencies: LatencyCounts = new Map()): void {
    if (!this.isDue(at)) return;
    const slot = Math.floor(at / this.everyMs);
    const before = this.#views;
    // A clock that was put back: the samples go on.
    const steps = Math.min(SAMPLES, slot > this.#slot ? slot - this.#slot : 1);
    this.#views = views;
    this.#slot = slot;
    if (before === undefined) return;
    const present = new Set<string>();
    for (const [client, { endpoints }] of views) {
      for (const [type, endpoint] of Object.entries(endpoints)) {
        const name = endpointName(client, type);
        present.add(name);
        const change = changeOf(endpoint, before.get(client)?.endpoints[type], latencies.get(name));
        this.#noteOne(name, change, steps);
      }
    }
    for (const name of this.#rings.keys()) if (!present.has(name)) this.#rings.delete(name);
    this.#count += steps;
  }

  #noteOne(name: string, { counted, standing, stood, isChanged }: Change, steps: number): void {
    let ring = this.#rings.get(name);
    if (ring === undefined) {
      if (!isChanged) return;
      ring = new Ring(stood);
      this.#rings.set(name, ring);
    }
    ring.quietFor = isChanged ? 0 : ring.quietFor + steps;
    for (let step = 1; step <= steps; step++) {
      const index = (this.#count + step - 1) % SAMPLES;
      const isMissed = step < steps;
      for (const [series, value] of Object.entries(counted)) {
        ring.put(series, index, shareOf(series, value, step, steps));
      }
      for (const [series, value] of Object.entries(standing)) ring.put(series, index, value);
      if (isMissed) ring.put('state', index, UNKNOWN);
    }
    if (ring.quietFor >= SAMPLES) this.#rings.delete(name);
  }

  /** When the latest sample was taken, ms since the epoch; undefined: there is none yet. */
  get at(): number | undefined {
    return this.#count === 0 ? undefined : this.#slot * this.everyMs;
  }

  /** How many endpoints take memory. */
  get size(): number {
    return this.#rings.size;
  }

  /** Whether the latest reading knew the endpoint. */
  has(client: string, type: string): boolean {
    return this.#endpoint(client, type) !== undefined;
  }

  /** The samples of an endpoint, oldest first, all of one length. */
  read(client: string, type: string) {
    const series = (name: string): number[] => this.#series(client, type, name);
    const gaps = (name: string): (number | null)[] =>
      series(name).map((value) => (Number.isNaN(value) ? null : Math.round(value * 1_000) / 1_000));
    return {
      accepted: series('accepted'),
      delivered: series('delivered'),
      waiting: series('waiting'),
      dead: series('dead'),
      state: series('state').map((code) => HISTORY_STATES[code] ?? 'unknown'),
      ratePerSecond: gaps('rate'),
      failed: failedBy(series),
      latency: { p50: gaps('p50'), p90: gaps('p90'), p99: gaps('p99') },
    };
  }

  /** Events delivered per second in the latest samples, oldest first. @param most how many samples */
  deliveredPerSecond(client: string, type: string, most: number): number[] {
    const perSecond = 1_000 / this.everyMs;
    return this.#series(client, type, 'delivered', most).map(
      (n) => Math.round(n * perSecond * 1_000) / 1_000,
    );
  }

  #series(client: string, type: string, name: string, most = SAMPLES): number[] {
    const length = Math.min(this.#count, most);
    const ring = this.#rings.get(endpointName(client, type));
    if (ring !== undefined) return ring.take(name, this.#count, length);
    const endpoint = this.#endpoint(client, type);
    const standing: Readonly<Record<string, number>> = endpoint === undefined ? {} : standingOf(endpoint);
    return new Array<number>(length).fill(standing[name] ?? defaultOf(name));
  }

  #endpoint(client: string, type: string): EndpointView | undefined {
    const endpoints = this.#views?.get(client)?.endpoints ?? {};
    return Object.hasOwn(endpoints, type) ? endpoints[type] : undefined;
  }
}

function failedBy(series: (name: string) => number[]): Record<(typeof FAILURE_GROUPS)[number], number[]> {
  const entries = FAILURE_GROUPS.map((group) => [group, series(group)]);
  return Object.fromEntries(entries) as ReturnType<typeof failedBy>;
}

/** The part of a missed sample. Percentiles are no sums: they hold for all of them. */
function shareOf(series: string, value: number, step: number, steps: number): number {
  if (steps === 1 || WITH_GAPS.has(series)) return value;
  return Math.floor((value * step) / steps) - Math.floor((value * (step - 1)) / steps);
}

function defaultOf(series: string): number {
  return WITH_GAPS.has(series) ? Number.NaN : 0;
}

/** The samples of one endpoint. A series that had nothing but its default so far takes no memory. */
class Ring {
  /** Samples since something changed. */
  quietFor = 0;
  readonly #series = new Map<string, Float64Array>();

  /** @param stood how the endpoint was in all samples until now */
  constructor(stood: Readonly<Record<string, number>>) {
    for (const [name, value] of Object.entries(stood)) {
      if (!Object.is(value, defaultOf(name))) this.#series.set(name, new Float64Array(SAMPLES).fill(value));
    }
  }

  put(name: string, index: number, value: number): void {
    let series = this.#series.get(name);
    if (series === undefined) {
      if (Object.is(value, defaultOf(name))) return;
      series = new Float64Array(SAMPLES).fill(defaultOf(name));
      this.#series.set(name, series);
    }
    series[index] = value;
  }

  /** The latest values, oldest first. @param count of all samples ever taken */
  take(name: string, count: number, length: number): number[] {
    const series = this.#series.get(name);
    const valueAt = (_: unknown, i: number): number =>
      series?.[(count - length + i) % SAMPLES] ?? defaultOf(name);
    return Array.from({ length }, valueAt);
  }
}
