import type { ResolvedClient } from '../config/config-schema.ts';
import type { StoredEvent } from '../core/event.ts';
import { type FirstAttempt, type ReplayedEvent, readFirstAttempt } from '../queue/first-attempt.ts';
import type { Endpoint } from '../queue/names.ts';
import { isPaused } from '../queue/pause-client.ts';
import type { Connection } from '../queue/servers.ts';
import { countServices } from '../queue/stored-clients.ts';
import { findUnavailable } from './unavailable-endpoints.ts';

/** Why a canary would wait for long without an attempt. */
export type Obstacle = 'down' | 'paused' | 'no_service';

/** A canary whose first attempt failed; `event` has its history and response since. */
export interface FailedCanary {
  readonly client: string;
  readonly state: 'retrying' | 'dead';
  readonly event: StoredEvent;
}

/** Canaries of one endpoint that were not waited for any longer. */
export interface StuckCanaries extends Endpoint {
  readonly count: number;
  readonly obstacle: Obstacle;
}

/** What became of the canaries: events that were replayed before the others. */
export interface CanaryAccount {
  readonly replayed: number;
  readonly delivered: number;
  readonly failed: readonly FailedCanary[];
  readonly stuck: readonly StuckCanaries[];
  /** The watch ended early; all that are in none of the above were not tried. */
  readonly interrupted: boolean;
}

/** What canaries are watched with. */
export interface WatchParts {
  readFirstAttempt(canary: ReplayedEvent): Promise<FirstAttempt>;
  findObstacle(endpoint: Endpoint): Promise<Obstacle | undefined>;
  /** Waits between two looks, less long if the signal ends it. */
  pause(): Promise<void>;
  /** @param tried canaries whose first attempt is over */
  onProgress(tried: number): void;
  /** Ends the watch after the look under way. */
  readonly signal: AbortSignal;
}

/**
 * Watches canaries until the first attempt of each is over. If something keeps one from being tried, it is not waited
 * for.
 */
export async function watchCanaries(
  canaries: readonly ReplayedEvent[],
  parts: WatchParts,
): Promise<CanaryAccount> {
  const watch = new CanaryWatch(canaries, parts);
  await watch.look();
  while (watch.isWaiting && !parts.signal.aborted) {
    await parts.pause();
    await watch.look();
  }
  return { replayed: canaries.length, ...watch.account, interrupted: parts.signal.aborted };
}

/** How many looks in a row an obstacle must be seen at to end the wait: requests under way may end, a service may start anew. */
const PATIENT_LOOKS: Readonly<Record<Obstacle, number>> = { down: 4, paused: 4, no_service: 20 };

class CanaryWatch {
  readonly #parts: WatchParts;
  #waiting: readonly ReplayedEvent[];
  #delivered = 0;
  readonly #failed: FailedCanary[] = [];
  readonly #stuck: StuckCanaries[] = [];
  /** By `<client> <event type>`: what was in the way at the latest look, and at how many in a row. */
  readonly #seen = new Map<string, { readonly obstacle: Obstacle; readonly looks: number }>();

  constructor(canaries: readonly ReplayedEvent[], parts: WatchParts) {
    this.#waiting = canaries;
    this.#parts = parts;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  get account(): Pick<CanaryAccount, 'delivered' | 'failed' | 'stuck'> {
    return { delivered: this.#delivered, failed: this.#failed, stuck: this.#stuck };
  }

  async look(): Promise<void> {
    const canaries = this.#waiting;
    const attempts = await Promise.all(canaries.map((canary) => this.#parts.readFirstAttempt(canary)));
    this.#waiting = canaries.filter((_, i) => attempts[i]?.kind === 'waiting');
    for (const [i, attempt] of attempts.entries()) {
      if (attempt.kind === 'delivered') this.#delivered += 1;
      if (attempt.kind !== 'failed') continue;
      const { state, event } = attempt;
      this.#failed.push({ client: canaries[i]?.client ?? '', state, event });
    }
    this.#parts.onProgress(this.#delivered + this.#failed.length);
    const endpoints = new Map(this.#waiting.map((one) => [endpointName(one), endpointOf(one)]));
    for (const [name, endpoint] of endpoints) await this.#lookForObstacle(name, endpoint);
  }

  async #lookForObstacle(name: string, endpoint: Endpoint): Promise<void> {
    const obstacle = await this.#parts.findObstacle(endpoint);
    if (obstacle === undefined) {
      this.#seen.delete(name);
      return;
    }
    const before = this.#seen.get(name);
    const looks = before?.obstacle === obstacle ? before.looks + 1 : 1;
    this.#seen.set(name, { obstacle, looks });
    if (looks < PATIENT_LOOKS[obstacle]) return;
    const others = this.#waiting.filter((one) => endpointName(one) !== name);
    this.#stuck.push({ ...endpoint, count: this.#waiting.length - others.length, obstacle });
    this.#waiting = others;
  }
}

function endpointOf({ client, event: { type } }: ReplayedEvent): Endpoint {
  return { client, type };
}

function endpointName({ client, event: { type } }: ReplayedEvent): string {
  return `${client} ${type}`;
}

/** What a watch asks Redis. @param clients by name, as the configuration has them */
export function canaryQuestions(
  redis: Connection,
  clients: Readonly<Record<string, ResolvedClient>>,
): Pick<WatchParts, 'readFirstAttempt' | 'findObstacle'> {
  return {
    readFirstAttempt: (canary) => readFirstAttempt(redis, canary),
    async findObstacle(endpoint) {
      if ((await countServices(redis)) === 0) return 'no_service';
      if (await isPaused(redis, endpoint.client)) return 'paused';
      const unavailable = await findUnavailable(redis, clients, [endpoint]);
      return unavailable.some(({ reason, holds }) => reason === 'down' && holds) ? 'down' : undefined;
    },
  };
}
