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

/** Decides on requests one after another, as they arrive. */
export interface Capacity {
  /** How many requests are served side by side; infinite: no bound. */
  readonly servers: number;
  /** @param nowMs does not go back */
  admit(nowMs: number): Admission;
}

/** A declared limit lets through this part of a second at once: senders are never quite even. */
const BURST_SECONDS = 0.1;
const LEAST_BURST = 2;

/**
 * A queue before servers, first come first served: latency is constant up to the capacity, and grows with the
 * queue beyond it. Start and finish are calculated from the arrivals, so that late timers delay an answer and
 * never change the capacity.
 *
 * @param random numbers in [0, 1), for the spread
 */
export function createCapacity(options: CapacityOptions, random: () => number): Capacity {
  const { latencyMs, latencySpread, onOverload } = options;
  const rate = options.ratePerSecond ?? Number.POSITIVE_INFINITY;
  // Little's law. If it is no whole number, a server is busy a little longer than the request.
  const exact = (rate * latencyMs) / 1_000;
  const servers = Number.isFinite(rate) ? Math.max(1, Math.ceil(exact - 1e-9)) : Number.POSITIVE_INFINITY;
  const free = new FreeTimes(Number.isFinite(servers) ? servers : 0);
  const meanBusyMs = (servers * 1_000) / rate;
  const limit = createDeclaredLimit(options.declaredLimitPerSecond);
  const waiting = createWaiting();

  function serve(nowMs: number): Admission {
    const factor = 1 + latencySpread * (2 * random() - 1);
    if (!Number.isFinite(rate))
      return { kind: 'serve', startMs: nowMs, finishMs: nowMs + latencyMs * factor };
    const startMs = Math.max(nowMs, free.earliest());
    free.replaceEarliest(startMs + meanBusyMs * factor);
    if (onOverload !== 'queue') waiting.add(startMs);
    return { kind: 'serve', startMs, finishMs: startMs + latencyMs * factor };
  }

  return {
    servers,
    admit(nowMs) {
      const isFull =
        onOverload !== 'queue' && waiting.count(nowMs) >= options.queue && free.earliest() > nowMs;
      if (!limit.admits(nowMs)) return { kind: 'refuse', status: 429, retryAfterSeconds: 1 };
      if (!isFull) return serve(nowMs);
      const untilFreeMs = free.earliest() - nowMs;
      return {
        kind: 'refuse',
        status: onOverload,
        retryAfterSeconds: Math.max(1, Math.ceil(untilFreeMs / 1_000)),
      };
    },
  };
}

/** A GCRA: one request each 1/rate, and a few ahead of that schedule. */
function createDeclaredLimit(ratePerSecond: number | undefined): { admits(nowMs: number): boolean } {
  if (ratePerSecond === undefined) return { admits: () => true };
  const gapMs = 1_000 / ratePerSecond;
  const aheadMs = Math.max(LEAST_BURST, ratePerSecond * BURST_SECONDS) * gapMs;
  let due = Number.NEGATIVE_INFINITY;
  return {
    admits(nowMs) {
      const next = Math.max(due, nowMs) + gapMs;
      if (next - nowMs > aheadMs + gapMs) return false;
      due = next;
      return true;
    },
  };
}

/** Counts requests that have not started; they start in the order in which they came. */
function createWaiting() {
  let starts: number[] = [];
  let first = 0;
  const passed = (nowMs: number): void => {
    while (first < starts.length && (starts[first] ?? 0) <= nowMs) first += 1;
    if (first < 1_024 || first * 2 < starts.length) return;
    starts = starts.slice(first);
    first = 0;
  };
  return {
    add: (startMs: number): void => void starts.push(startMs),
    count(nowMs: number): number {
      passed(nowMs);
      return starts.length - first;
    },
  };
}

/** The times at which servers are free; all are free at first. A binary heap, since there may be thousands. */
class FreeTimes {
  readonly #heap: Float64Array;

  constructor(servers: number) {
    this.#heap = new Float64Array(servers).fill(Number.NEGATIVE_INFINITY);
  }

  earliest(): number {
    return this.#heap[0] ?? Number.NEGATIVE_INFINITY;
  }

  replaceEarliest(by: number): void {
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const child = this.#at(left + 1) < this.#at(left) ? left + 1 : left;
      if (this.#at(child) >= by) break;
      this.#heap[place] = this.#at(child);
      place = child;
    }
    this.#heap[place] = by;
  }

  #at(place: number): number {
    return this.#heap[place] ?? Number.POSITIVE_INFINITY;
  }
}

/**
 * Answers as `script` does, once the capacity has served the request; the script's own delay comes on top. A
 * refused request does not reach the script.
 *
 * @param clock milliseconds that never go back
 */
export function answerWithinCapacity(
  capacity: Capacity,
  clock: () => number,
  script: PromptScript,
): PromptScript {
  return (request, history) => {
    const nowMs = clock();
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
