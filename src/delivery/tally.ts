import type { Classification } from '../core/classify.ts';
import type { Outcome } from '../core/decide.ts';
import { nextAttempt, type StoredEvent } from '../core/event.ts';
import type { FinishedEvent } from '../core/settlement.ts';

/** What a client's counters grow by, and its latest failure, since they were last written. */
export interface TallySheet {
  readonly counters: ReadonlyMap<string, number>;
  /** JSON: {at, event, type, status, class, detail} */
  readonly lastError?: string;
}

const DETAIL_LENGTH = 200;

/**
 * Counts what became of a batch's attempts. Counter names: `delivered:<type>:<status>`, `failed:<class>`, `dead`, and
 * the same by type and class: `dead:<type>:<class>`; `attemptMs` is how long all attempts took together.
 */
export class Tally {
  delivered = 0;
  retried = 0;
  died = 0;
  #counters = new Map<string, number>();
  /** By type and status: a counter's name is not put together for every event. */
  #deliveries = new Map<string, Map<number, number>>();
  #lastError: string | undefined;
  #attemptMs = 0;

  count(event: StoredEvent, classification: Classification, outcome: Outcome, now: number): void {
    if (classification.kind === 'delivered') {
      this.delivered += 1;
      this.#addDelivered(event.type, classification.status);
      return;
    }
    this.#add(`failed:${classification.failureClass}`);
    if (outcome.kind === 'dead') {
      this.died += 1;
      this.#addDead(event.type, classification.failureClass);
    } else this.retried += 1;
    this.#lastError = JSON.stringify({
      at: now,
      event: event.id,
      type: event.type,
      attempt: nextAttempt(event),
      status: classification.status,
      class: classification.failureClass,
      detail: classification.response.slice(0, DETAIL_LENGTH),
    });
  }

  /** Adds how long an attempt took; ms. */
  time(ms: number): void {
    this.#attemptMs += ms;
  }

  /** Counts what an earlier run of the batch could not write down; it adds to the counters only. */
  recount({ event, outcome }: FinishedEvent): void {
    if (outcome.kind === 'delivered') {
      this.#addDelivered(event.type, outcome.status);
      return;
    }
    const last = event.history?.at(-1);
    if (last !== undefined) this.#add(`failed:${last[2]}`);
    if (outcome.kind === 'dead') this.#addDead(event.type, last?.[2] ?? '');
  }

  /** What was counted since the last time, to be written with the settlement. */
  take(): TallySheet {
    const counters = this.#counters;
    const lastError = this.#lastError;
    for (const [type, byStatus] of this.#deliveries) {
      for (const [status, count] of byStatus) counters.set(`delivered:${type}:${status}`, count);
    }
    if (this.#attemptMs >= 0.5) counters.set('attemptMs', Math.round(this.#attemptMs));
    this.#counters = new Map();
    this.#deliveries = new Map();
    this.#lastError = undefined;
    this.#attemptMs = 0;
    return { counters, ...(lastError !== undefined && { lastError }) };
  }

  #add(field: string): void {
    this.#counters.set(field, (this.#counters.get(field) ?? 0) + 1);
  }

  #addDead(type: string, failureClass: string): void {
    this.#add('dead');
    this.#add(`dead:${type}:${failureClass}`);
  }

  #addDelivered(type: string, status: number): void {
    let ofType = this.#deliveries.get(type);
    if (ofType === undefined) {
      ofType = new Map();
      this.#deliveries.set(type, ofType);
    }
    ofType.set(status, (ofType.get(status) ?? 0) + 1);
  }
}
