/** What an endpoint can take. */
export interface CapacityLimits {
  /** Requests that it works on at once. */
  readonly atOnce: number;
  /** How long each of them takes, in ms. */
  readonly workMs: number;
  /** Requests that wait for it, at most; it refuses others. */
  readonly queued: number;
}

/**
 * Says when each request is done. It counts with times rather than with timers, which come late: a place that is
 * taken without a pause serves exactly 1,000 ÷ `workMs` requests a second.
 */
export class Capacity {
  readonly #limits: CapacityLimits;
  /** When each place is free, in ms; the request that comes next takes the first one. */
  readonly #freeAt: number[];
  /** When the work on waiting requests begins, the first one first. */
  #begins: number[] = [];

  constructor(limits: CapacityLimits) {
    this.#limits = limits;
    this.#freeAt = Array.from({ length: limits.atOnce }, () => 0);
  }

  /** Takes a request. @param now ms, of any clock @returns when it is done; undefined: it is refused */
  admit(now: number): number | undefined {
    this.#begins = this.#begins.filter((at) => at > now);
    const free = Math.min(...this.#freeAt);
    if (free > now && this.#begins.length >= this.#limits.queued) return undefined;
    const begins = Math.max(now, free);
    if (begins > now) this.#begins.push(begins);
    const ends = begins + this.#limits.workMs;
    this.#freeAt[this.#freeAt.indexOf(free)] = ends;
    return ends;
  }
}
