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

/** Counts what became of a batch's attempts. */
export interface Tally {
  count(event: StoredEvent, classification: Classification, outcome: Outcome, now: number): void;
  /** Adds how long an attempt took; ms. */
  time(ms: number): void;
  /** Counts what an earlier run of the batch could not write down; it adds to the counters only. */
  recount(result: FinishedEvent): void;
  /** What was counted since the last time, to be written with the settlement. */
  take(): TallySheet;
  readonly delivered: number;
  readonly retried: number;
  readonly died: number;
}

const DETAIL_LENGTH = 200;

/**
 * Builds an empty tally. Counter names: `delivered:<type>:<status>`, `failed:<class>`, `dead`, and the same by type
 * and class: `dead:<type>:<class>`; `attemptMs` is how long all attempts took together.
 */
export function createTally(): Tally {
  let counters = new Map<string, number>();
  /** By type and status: a counter's name is not put together for every event. */
  let delivered = new Map<string, Map<number, number>>();
  let lastError: string | undefined;
  let attemptMs = 0;
  const totals = { delivered: 0, retried: 0, died: 0 };

  function add(field: string): void {
    counters.set(field, (counters.get(field) ?? 0) + 1);
  }

  function addDead(type: string, failureClass: string): void {
    add('dead');
    add(`dead:${type}:${failureClass}`);
  }

  function addDelivered(type: string, status: number): void {
    let ofType = delivered.get(type);
    if (ofType === undefined) {
      ofType = new Map();
      delivered.set(type, ofType);
    }
    ofType.set(status, (ofType.get(status) ?? 0) + 1);
  }

  return {
    get delivered() {
      return totals.delivered;
    },
    get retried() {
      return totals.retried;
    },
    get died() {
      return totals.died;
    },
    count(event, classification, outcome, now) {
      if (classification.kind === 'delivered') {
        totals.delivered += 1;
        addDelivered(event.type, classification.status);
        return;
      }
      add(`failed:${classification.failureClass}`);
      if (outcome.kind === 'dead') {
        totals.died += 1;
        addDead(event.type, classification.failureClass);
      } else totals.retried += 1;
      lastError = JSON.stringify({
        at: now,
        event: event.id,
        type: event.type,
        attempt: nextAttempt(event),
        status: classification.status,
        class: classification.failureClass,
        detail: classification.response.slice(0, DETAIL_LENGTH),
      });
    },
    time(ms) {
      attemptMs += ms;
    },
    recount({ event, outcome }) {
      if (outcome.kind === 'delivered') {
        addDelivered(event.type, outcome.status);
        return;
      }
      const last = event.history?.at(-1);
      if (last !== undefined) add(`failed:${last[2]}`);
      if (outcome.kind === 'dead') addDead(event.type, last?.[2] ?? '');
    },
    take() {
      for (const [type, byStatus] of delivered) {
        for (const [status, count] of byStatus) counters.set(`delivered:${type}:${status}`, count);
      }
      if (attemptMs >= 0.5) counters.set('attemptMs', Math.round(attemptMs));
      const sheet: TallySheet = { counters, ...(lastError === undefined ? {} : { lastError }) };
      counters = new Map();
      delivered = new Map();
      lastError = undefined;
      attemptMs = 0;
      return sheet;
    },
  };
}
