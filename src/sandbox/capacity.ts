import { toAnswer } from './answer.ts';
import type { PromptScript } from './sandbox-script.ts';

/** How much a company takes. Rates per second, durations in milliseconds. */
export interface CapacityOptions {
  /** What it serves at most; left out: all that comes. */
  readonly ratePerSecond?: number;
  /** How long it takes for a request that finds a server free. */
  readonly latencyMs: number;
  /** How much single requests differ from that, as a share of it (0 to 1), evenly spread to both sides. */
  readonly latencySpread: number;
  /** The answer to a request that finds `queue` others waiting; `queue`: it always waits. */
  readonly onOverload: 'queue' | 503 | 429;
  readonly queue: number;
  /** Beyond this rate it answers 429, even if it could serve more; left out: it declares none. */
  readonly declaredLimitPerSecond?: number;
}

/** What becomes of a request; all times on the clock of the caller. */
export type Admission =
  | { readonly kind: 'serve'; readonly startMs: number; readonly finishMs: number }
  | { readonly kind: 'refuse'; readonly status: 503 | 429; readonly retryAfterSeconds: number };

/** A declared limit lets through this part of a second at once: senders are never quite even. */
const BURST_SECONDS = 0.1;
const LEAST_BURST = 2;
/** Starts that have passed are forgotten in steps of this many. */
const FORGET_STARTS = 1_024;

/**
 * A queue before servers, first come first served: latency is constant up to the capacity, and grows with the
 * queue beyond it. Start and finish are calculated from the arrivals, so that late timers delay an answer and
 * never change the capacity.
 */
export class Capacity {
  /** How many requests are served side by side; infinite: no bound. */
  readonly servers: number;
  readonly #options: CapacityOptions;
  readonly #random: () => number;
  /** When each server is free; none if there is no bound. */
  readonly #freeAt: Float64Array;
  readonly #meanBusyMs: number;
  /** When the requests that were to wait start, in their order; the first of them have started. */
  readonly #starts: number[] = [];
  #started = 0;
  /** When the next request is due by the declared limit. */
  #due = Number.NEGATIVE_INFINITY;

  /** @param random numbers in [0, 1), for the spread */
  constructor(options: CapacityOptions, random: () => number) {
    const { ratePerSecond: rate, latencyMs } = options;
    this.#options = options;
    this.#random = random;
    // Little's law. If it is no whole number, a server is busy a little longer than the request.
    const servers = rate === undefined ? 0 : Math.max(1, Math.ceil((rate * latencyMs) / 1_000 - 1e-9));
    this.servers = rate === undefined ? Number.POSITIVE_INFINITY : servers;
    this.#freeAt = new Float64Array(servers).fill(Number.NEGATIVE_INFINITY);
    this.#meanBusyMs = rate === undefined ? 0 : (servers * 1_000) / rate;
  }

  /** Decides on one request after another, as they arrive. @param nowMs does not go back */
  admit(nowMs: number): Admission {
    const { latencyMs, latencySpread, onOverload, queue } = this.#options;
    const server = this.#firstFree();
    const freeAt = this.#freeAt[server] ?? nowMs;
    const isFull = onOverload !== 'queue' && this.#countWaiting(nowMs) >= queue && freeAt > nowMs;
    if (!this.#isWithinLimit(nowMs)) return { kind: 'refuse', status: 429, retryAfterSeconds: 1 };
    if (isFull) {
      const retryAfterSeconds = Math.max(1, Math.ceil((freeAt - nowMs) / 1_000));
      return { kind: 'refuse', status: onOverload, retryAfterSeconds };
    }
    const factor = 1 + latencySpread * (2 * this.#random() - 1);
    const startMs = Math.max(nowMs, freeAt);
    this.#freeAt[server] = startMs + this.#meanBusyMs * factor;
    if (onOverload !== 'queue') this.#starts.push(startMs);
    return { kind: 'serve', startMs, finishMs: startMs + latencyMs * factor };
  }

  /** The place of the server that is free first. */
  #firstFree(): number {
    const freeAt = this.#freeAt;
    let first = 0;
    for (let place = 1; place < freeAt.length; place += 1) {
      if ((freeAt[place] as number) < (freeAt[first] as number)) first = place;
    }
    return first;
  }

  #countWaiting(nowMs: number): number {
    while ((this.#starts[this.#started] ?? Number.POSITIVE_INFINITY) <= nowMs) this.#started += 1;
    if (this.#started >= FORGET_STARTS) {
      this.#starts.splice(0, this.#started);
      this.#started = 0;
    }
    return this.#starts.length - this.#started;
  }

  /** A GCRA: one request each 1/rate, and a few ahead of that schedule. */
  #isWithinLimit(nowMs: number): boolean {
    const { declaredLimitPerSecond: rate } = this.#options;
    if (rate === undefined) return true;
    const gapMs = 1_000 / rate;
    const aheadMs = Math.max(LEAST_BURST, rate * BURST_SECONDS) * gapMs;
    const next = Math.max(this.#due, nowMs) + gapMs;
    if (next - nowMs > aheadMs + gapMs) return false;
    this.#due = next;
    return true;
  }
}

/**
 * Answers as `script` does, once the capacity has served the request; the script's own delay comes on top. A
 * refused request does not reach the script.
 */
export function answerWithinCapacity(capacity: Capacity, script: PromptScript): PromptScript {
  return (request, history) => {
    const nowMs = performance.now();
    const admission = capacity.admit(nowMs);
    if (admission.kind === 'refuse') {
      const headers = { 'Retry-After': String(admission.retryAfterSeconds) };
      return { status: admission.status, headers };
    }
    const answer = toAnswer(script(request, history));
    const delayMs = admission.finishMs - nowMs + (answer.delayMs ?? 0);
    return { ...answer, delayMs };
  };
}
