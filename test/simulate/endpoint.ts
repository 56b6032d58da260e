import { type Agenda, Fifo } from './agenda.ts';

/** An event as the simulation knows it. */
export interface SimulatedEvent {
  readonly number: number;
  readonly acceptedAt: number;
  dueAt: number;
  attempts: number;
  /** Answered with this status whenever it is sent; 'hang': never answered. */
  readonly always?: number | 'hang';
  /** Its first attempt is answered 429 with this `Retry-After`. */
  retryAfterMs?: number;
}

/** An answer; status 0: the connection was refused. */
export interface Reply {
  readonly status: number;
  readonly retryAfterMs?: number;
}

/** How an endpoint behaves. It serves `atOnce` requests in `workMs` each, lets `queue` more wait, and refuses others. */
export interface EndpointOptions {
  readonly atOnce: number;
  readonly workMs: number;
  /** How much the work varies either way. */
  readonly noise: number;
  readonly queue: number;
  /** The answer to what it refuses. */
  readonly beyond: number | 'hang';
  readonly retryAfterMs?: number | undefined;
  readonly refuseMs: number;
  /** One way, the mean. */
  readonly netMs: number;
  /** How it answers everything for a time: a status, 0 (refused) or 'hang'; undefined: as usual. */
  readonly outage?: (now: number) => number | 'hang' | undefined;
  readonly outageRetryAfterMs?: number;
  /** A share of all requests gets this reply, or none, at any rate. */
  readonly flaky?: { readonly share: number; readonly reply: Reply | 'hang' };
  /** Every so-manieth request takes this long. */
  readonly slow?: { readonly every: number; readonly ms: number };
  /** Serves all requests up to a rate; the others are refused. */
  readonly limit?: { readonly perSecond: number; readonly burst: number };
  /** Capacity at a time, as a multiple of the usual. */
  readonly capacity?: (now: number) => number;
  /** So many refusals within a second, and it refuses everything for 30 s. */
  readonly collapsesAt?: number;
}

export class SimulatedEndpoint {
  requests = 0;
  refusals = 0;
  collapses = 0;
  readonly #agenda: Agenda;
  readonly #options: EndpointOptions;
  readonly #random: () => number;
  readonly #waiting = new Fifo<() => void>();
  #busy = 0;
  #tokens = 0;
  #tokensAt = 0;
  #collapsedUntil = 0;
  #second = 0;
  #refusedInSecond = 0;

  constructor(agenda: Agenda, options: EndpointOptions, random: () => number) {
    this.#agenda = agenda;
    this.#options = options;
    this.#random = random;
    this.#tokens = options.limit?.burst ?? 0;
  }

  /** `answer` is called when the reply arrives, or never. */
  request(event: SimulatedEvent, answer: (reply: Reply) => void): void {
    const netMs = this.#options.netMs * (0.5 + this.#random());
    const reply = (after: number, content: Reply) =>
      this.#agenda.at(this.#agenda.now + after + netMs, () => answer(content));
    this.#agenda.at(this.#agenda.now + netMs, () => this.#arrive(event, reply));
  }

  #arrive(event: SimulatedEvent, reply: (after: number, content: Reply) => void) {
    const { now } = this.#agenda;
    const { outage, outageRetryAfterMs, flaky, slow, limit, refuseMs } = this.#options;
    this.requests += 1;
    const out = now < this.#collapsedUntil ? 0 : outage?.(now);
    if (out === 'hang' || event.always === 'hang') return;
    if (out !== undefined) return reply(refuseMs, withRetryAfter(out, outageRetryAfterMs));
    if (event.always !== undefined) return reply(5, { status: event.always });
    if (flaky !== undefined && this.#random() < flaky.share) {
      if (flaky.reply !== 'hang') reply(2, flaky.reply);
      return;
    }
    if (event.retryAfterMs !== undefined && event.attempts === 0) {
      return reply(2, withRetryAfter(429, event.retryAfterMs));
    }
    if (slow !== undefined && this.requests % slow.every === 0) return reply(slow.ms, { status: 200 });
    if (limit !== undefined) return this.#arriveAtLimit(limit, reply);
    this.#queue(reply);
  }

  #arriveAtLimit(
    limit: { perSecond: number; burst: number },
    reply: (after: number, content: Reply) => void,
  ) {
    const { now } = this.#agenda;
    const perSecond = limit.perSecond * (this.#options.capacity?.(now) ?? 1);
    this.#tokens = Math.min(limit.burst, this.#tokens + ((now - this.#tokensAt) * perSecond) / 1_000);
    this.#tokensAt = now;
    if (this.#tokens < 1) return this.#refuse(reply);
    this.#tokens -= 1;
    reply(this.#workMs(), { status: 200 });
  }

  #queue(reply: (after: number, content: Reply) => void): void {
    const work = () => {
      this.#busy += 1;
      const ms = this.#workMs() / (this.#options.capacity?.(this.#agenda.now) ?? 1);
      this.#agenda.at(this.#agenda.now + ms, () => {
        this.#busy -= 1;
        reply(0, { status: 200 });
        this.#waiting.shift()?.();
      });
    };
    if (this.#busy < this.#options.atOnce) work();
    else if (this.#waiting.length < this.#options.queue) this.#waiting.push(work);
    else this.#refuse(reply);
  }

  #refuse(reply: (after: number, content: Reply) => void): void {
    const { beyond, refuseMs, retryAfterMs, collapsesAt } = this.#options;
    const { now } = this.#agenda;
    this.refusals += 1;
    const second = Math.floor(now / 1_000);
    if (second !== this.#second) this.#refusedInSecond = 0;
    this.#second = second;
    this.#refusedInSecond += 1;
    if (collapsesAt !== undefined && this.#refusedInSecond > collapsesAt) {
      this.#collapsedUntil = now + 30_000;
      this.collapses += 1;
    }
    if (beyond !== 'hang') reply(refuseMs, withRetryAfter(beyond, retryAfterMs));
  }

  #workMs(): number {
    const { workMs, noise } = this.#options;
    return workMs * (1 - noise + 2 * noise * this.#random());
  }
}

function withRetryAfter(status: number, retryAfterMs: number | undefined): Reply {
  return retryAfterMs === undefined ? { status } : { status, retryAfterMs };
}
