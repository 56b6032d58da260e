import type { CallOffSignal } from '../core/call-off.ts';

/** Why a request is ended from outside: it was called off, its time is over, or more came than any answer takes. */
export type EndReason = 'aborted' | 'timeout' | 'flood';

/** A request that can be ended from outside. */
export interface Limited {
  /** When it has to be over, in milliseconds of the monotonic clock; it may be brought forward. */
  readonly dueAt: number;
  /** What calls it off. */
  readonly signal: CallOffSignal | undefined;
  /** How many bytes more may come for it. */
  readonly allowance: number;
  /** Its place among the requests under way, which only they change. */
  place: number;
  end(why: EndReason): void;
}

/** How often is looked for requests to end, in milliseconds; also how long a flood may go on. */
const SWEEP_MS = 20;
/**
 * An endpoint that hangs has all its requests end together, and their successors begin: that takes milliseconds of all
 * other clients. Each look ends a few only, or this part of them if they are many.
 */
const ENDED_AT_ONCE = 4;
const ENDED_PART = 1 / 8;

/**
 * The requests under way, looked through every 20 ms for those whose time is over or that are flooded. There are few
 * at a time, so that costs next to nothing; a timer and a listener for each cost a request several per cent.
 */
export class UnderWay {
  /** A Set leaves its old tables to the garbage collector, which copied their requests again and again. */
  readonly #requests: Limited[] = [];
  readonly #signals = new WeakSet<CallOffSignal>();
  #latestSignal: CallOffSignal | undefined;
  #sweeping: NodeJS.Timeout | undefined;

  add(request: Limited): void {
    request.place = this.#requests.push(request) - 1;
    const { signal } = request;
    if (signal !== undefined && signal !== this.#latestSignal) this.#listen(signal);
    // Does not keep the process alive: the sockets that it limits do.
    this.#sweeping ??= setTimeout(() => this.#sweep(), SWEEP_MS).unref();
  }

  delete(request: Limited): void {
    if (this.#requests[request.place] !== request) return;
    const last = this.#requests.pop() as Limited;
    if (last !== request) this.#requests[request.place] = last;
    last.place = request.place;
  }

  /** Calls off those of a signal, or all. */
  endAll(signal?: CallOffSignal): void {
    for (const request of [...this.#requests]) {
      if (signal === undefined || request.signal === signal) request.end('aborted');
    }
  }

  #listen(signal: CallOffSignal): void {
    this.#latestSignal = signal;
    if (this.#signals.has(signal)) return;
    this.#signals.add(signal);
    signal.addEventListener('abort', () => this.endAll(signal), { once: true });
  }

  #sweep(): void {
    this.#sweeping = undefined;
    const now = performance.now();
    const over = this.#requests.filter(({ dueAt, allowance }) => dueAt <= now || allowance < 0);
    for (const request of over.slice(0, Math.max(ENDED_AT_ONCE, over.length * ENDED_PART))) {
      // Another one's end may have ended it.
      if (this.#requests[request.place] === request) request.end(request.dueAt <= now ? 'timeout' : 'flood');
    }
    if (this.#requests.length > 0) this.#sweeping ??= setTimeout(() => this.#sweep(), SWEEP_MS).unref();
  }
}
