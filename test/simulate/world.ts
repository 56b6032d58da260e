import { backoffMs, type RetryPolicy } from '../../src/core/backoff.ts';
import { OPEN_VERDICT, type PaceState, type Verdict } from '../../src/core/pace.ts';
import { NO_SUMS, type PaceNews, type PaceSums } from '../../src/core/pace-sums.ts';
import { seededRandom } from '../../src/core/random.ts';
import { Agenda, Fifo } from './agenda.ts';
import { type EndpointOptions, type Reply, SimulatedEndpoint, type SimulatedEvent } from './endpoint.ts';
import { type Grant, reserve, tell, type Want, write } from './pace-store.ts';
import { SimulatedProcess } from './process.ts';
import type { SimulatedTokens } from './tokens.ts';

/** The retries of the contract. */
export const DEFAULT_RETRIES: RetryPolicy = {
  retries: 5,
  baseDelayMs: 15_000,
  factor: 5,
  maxDelayMs: 14_400_000,
  jitter: 0.1,
};

/** How long an event may be held: as long as its retries take, at least two minutes. */
export function holdMsOf(policy: RetryPolicy): number {
  let sum = 0;
  for (let n = 1; n <= policy.retries; n += 1) sum += backoffMs(policy, n, 0.5);
  return Math.max(120_000, sum);
}

export interface WorldOptions {
  readonly seed: number;
  readonly processes: number;
  /** Of each process. */
  readonly slots: number;
  readonly timeoutMs: number;
  readonly minPerSecond: number;
  readonly retry: RetryPolicy;
  readonly adaptive: boolean;
  /** What a request costs its process; it sends one at a time. */
  readonly sendMs: number;
  readonly toldAfterMs: number;
  /** Nothing is told at once, but fifty answers together. */
  readonly newsLate: boolean;
  readonly endpoint: EndpointOptions;
  /** Without one, requests need no token. */
  readonly tokens?: SimulatedTokens;
  /** Shared by worlds beside each other. */
  readonly agenda?: Agenda;
}

const USUAL: Omit<WorldOptions, 'seed' | 'endpoint'> = {
  processes: 2,
  slots: 32,
  timeoutMs: 15_000,
  minPerSecond: 0,
  retry: DEFAULT_RETRIES,
  adaptive: true,
  sendMs: 0.05,
  toldAfterMs: 500,
  newsLate: false,
};

/** What happened, in whole seconds where it is an array. */
class Counts {
  requests = 0;
  delivered = 0;
  dead = 0;
  lastDeliveredAt = 0;
  lastDeadAt = 0;
  /** The shortest that an event had waited which failed for want of a token. */
  shortestWaitForToken = Number.POSITIVE_INFINITY;
  /** The longest that an attempt was made after it was due. */
  latestBehindMs = 0;
  fewestAttemptsOfDead = Number.POSITIVE_INFINITY;
  freshProbes = 0;
  readonly requestsIn: number[] = [];
  readonly deliveredIn: number[] = [];
  /** Fresh events that were sent while down, other than as probes. */
  freshWhileDown = 0;
  readonly states: { readonly at: number; readonly state: PaceState }[] = [{ at: 0, state: 'open' }];

  sent(event: SimulatedEvent, now: number, isDown: boolean, isProbe: boolean): void {
    this.requests += 1;
    this.latestBehindMs = Math.max(this.latestBehindMs, now - event.dueAt);
    const second = Math.floor(now / 1_000);
    this.requestsIn[second] = (this.requestsIn[second] ?? 0) + 1;
    if (isDown && isProbe) this.freshProbes += 1;
    if (isDown && !isProbe && event.attempts === 0) this.freshWhileDown += 1;
  }

  deliveredAt(now: number): void {
    this.delivered += 1;
    this.lastDeliveredAt = now;
    const second = Math.floor(now / 1_000);
    this.deliveredIn[second] = (this.deliveredIn[second] ?? 0) + 1;
  }

  timesIn(state: PaceState): number {
    return this.states.filter((entry) => entry.state === state).length;
  }

  firstIn(state: PaceState, from = 0): number {
    return this.states.find((entry) => entry.state === state && entry.at >= from)?.at ?? Number.NaN;
  }
}

interface StoreAnswer {
  readonly verdict: Verdict;
  readonly sums: PaceSums;
  readonly grant: Grant | undefined;
  readonly now: number;
}

/** Redis: each call takes 0.3 to 1 ms each way, a message 1 to 3 ms. */
class Store {
  verdict: Verdict = OPEN_VERDICT;
  sums: PaceSums = NO_SUMS;
  readonly #world: World;
  readonly #random: () => number;

  constructor(world: World, random: () => number) {
    this.#world = world;
    this.#random = random;
  }

  call(news: PaceNews, want: Want | undefined, answered: (answer: StoreAnswer) => void): void {
    this.#travel((now) => {
      this.sums = tell(this.verdict, this.sums, news, now);
      let grant: Grant | undefined;
      if (want !== undefined) ({ grant, sums: this.sums } = reserve(this.verdict, this.sums, want, now));
      const answer = { verdict: this.verdict, sums: this.sums, grant, now };
      this.#travel(() => answered(answer));
    });
  }

  write(judged: Verdict, next: Verdict, answered: (current: Verdict) => void): void {
    this.#travel((now) => {
      const sums =
        judged.number === this.verdict.number ? write(this.verdict, this.sums, next, now) : undefined;
      if (sums !== undefined) {
        this.sums = sums;
        if (this.verdict.state !== next.state) this.#world.counts.states.push({ at: now, state: next.state });
        this.verdict = next;
        this.#publish(next);
      }
      const current = this.verdict;
      this.#travel(() => answered(current));
    });
  }

  #publish(verdict: Verdict): void {
    const { agenda, processes } = this.#world;
    for (const process of processes) {
      agenda.at(agenda.now + 1 + 2 * this.#random(), () => {
        process.learn(verdict);
        process.pump();
      });
    }
  }

  #travel(arrived: (now: number) => void): void {
    const { agenda } = this.#world;
    agenda.at(agenda.now + 0.3 + 0.7 * this.#random(), () => arrived(agenda.now));
  }
}

/** An endpoint, the processes that send to it, the events that wait, and Redis between them. */
export class World {
  readonly agenda: Agenda;
  readonly options: WorldOptions & { readonly holdMs: number };
  readonly holdMs: number;
  readonly random: () => number;
  readonly endpoint: SimulatedEndpoint;
  readonly store: Store;
  readonly counts = new Counts();
  readonly fresh = new Fifo<SimulatedEvent>();
  readonly retries = new Fifo<SimulatedEvent>();
  readonly processes: readonly SimulatedProcess[];
  onDelivered: (event: SimulatedEvent, now: number) => void = () => {};
  undelivered = 0;
  #nextEvent = 0;

  constructor(options: Partial<WorldOptions> & Pick<WorldOptions, 'seed' | 'endpoint'>) {
    const all = { ...USUAL, ...options };
    this.agenda = options.agenda ?? new Agenda();
    this.holdMs = holdMsOf(all.retry);
    this.options = { ...all, holdMs: this.holdMs };
    this.random = seededRandom(all.seed);
    this.endpoint = new SimulatedEndpoint(this.agenda, all.endpoint, seededRandom(all.seed + 7_919));
    this.store = new Store(this, seededRandom(all.seed + 104_729));
    this.processes = Array.from(
      { length: all.processes },
      (_, n) => new SimulatedProcess(this, `process ${n}`),
    );
  }

  /** Accepts an event now. */
  accept(traits: Pick<SimulatedEvent, 'always' | 'retryAfterMs'> = {}): void {
    this.fresh.push({
      ...traits,
      number: this.#nextEvent,
      acceptedAt: this.agenda.now,
      dueAt: this.agenda.now,
      attempts: 0,
    });
    this.#nextEvent += 1;
    this.undelivered += 1;
    if (this.agenda.now > 0) this.#wake();
  }

  /** Accepts events at a mean rate, spaced by chance. */
  feed(
    perSecond: number,
    from: number,
    to: number,
    traitsOf: (n: number) => Pick<SimulatedEvent, 'always'> = () => ({}),
  ) {
    let n = 0;
    const next = () => {
      this.accept(traitsOf(n));
      n += 1;
      const at = this.agenda.now - (Math.log(1 - this.random()) * 1_000) / perSecond;
      if (at < to) this.agenda.at(at, next);
    };
    this.agenda.at(from, next);
  }

  start(): void {
    for (const process of this.processes) {
      process.pump();
      if (this.options.adaptive) process.tick();
    }
  }

  /** Lets time pass until then, or until it is done. */
  run(untilMs: number, isDone: () => boolean = () => false): this {
    this.start();
    while (this.agenda.step(untilMs)) if (isDone()) break;
    return this;
  }

  /** Decides what follows an attempt, as the engine does. */
  finish(event: SimulatedEvent, reply: Reply | 'timeout' | 'no token'): void {
    const { now } = this.agenda;
    const { retry } = this.options;
    event.attempts += 1;
    if (typeof reply !== 'string' && reply.status >= 200 && reply.status < 300) {
      this.undelivered -= 1;
      this.counts.deliveredAt(now);
      this.onDelivered(event, now);
      return;
    }
    if (event.attempts > retry.retries) {
      this.undelivered -= 1;
      this.counts.dead += 1;
      this.counts.lastDeadAt = now;
      this.counts.fewestAttemptsOfDead = Math.min(this.counts.fewestAttemptsOfDead, event.attempts);
      return;
    }
    const wishedMs = typeof reply === 'string' ? 0 : Math.min(reply.retryAfterMs ?? 0, retry.maxDelayMs);
    const delayMs = Math.max(backoffMs(retry, event.attempts, this.random()), wishedMs);
    event.dueAt = now + delayMs;
    this.agenda.at(event.dueAt, () => {
      this.retries.push(event);
      this.#wake();
    });
  }

  #wake(): void {
    const start = Math.floor(this.random() * this.processes.length);
    for (let n = 0; n < this.processes.length; n += 1) {
      this.processes[(start + n) % this.processes.length]?.pump();
    }
  }
}
