import { lastFailure } from '../core/dead-letter-filter.ts';
import { nextAttempt, type StoredEvent } from '../core/event.ts';
import type { ToldError } from '../core/last-error.ts';
import type { Classification, Outcome } from '../core/outcome.ts';
import { judgesTheEvent } from '../core/pace-sums.ts';
import type { RepeatCause } from '../core/repeats.ts';
import type { FinishedEvent } from '../core/settlement.ts';
import type { SettleCommand } from '../queue/settle.ts';

/** How much of a response, or of the reason that there was none, is shown. */
export const DETAIL_LENGTH = 200;

/**
 * Counts what became of a batch's attempts. Counter names: `delivered:<type>:<status>`, `failed:<type>:<class>`,
 * `dead:<type>:<class>`, `repeats:<type>:<cause>`; `attemptMs:<type>` is how long all attempts took together.
 */
export class Tally {
  delivered = 0;
  retried = 0;
  died = 0;
  readonly #type: string;
  #counters = new Map<string, number>();
  /** By status: a counter's name is not put together for every event. */
  #deliveries = new Map<number, number>();
  #lastError: string | undefined;
  #deliveredAfter = 0;
  #attemptMs = 0;
  /** Failed attempts by `<class>:<status>`. */
  #failures: Record<string, number> | undefined;
  #judged = 0;
  #webPages = 0;

  constructor(type: string) {
    this.#type = type;
  }

  /** @param ms how long the attempt took. @param now when it ended, ms since the epoch */
  count(event: StoredEvent, classification: Classification, outcome: Outcome, ms: number, now: number): void {
    this.#attemptMs += ms;
    if (classification.kind === 'delivered') {
      this.delivered += 1;
      this.#deliveredAfter += 1;
      if (classification.isWebPage) this.#webPages += 1;
      this.#addDelivered(classification.status);
      return;
    }
    const { status, failureClass, response } = classification;
    if (outcome.kind === 'dead') this.died += 1;
    else this.retried += 1;
    this.#addFailed(failureClass, status, outcome);
    this.#deliveredAfter = 0;
    this.#lastError = JSON.stringify({
      at: now,
      event: event.id,
      type: event.type,
      attempt: nextAttempt(event),
      status,
      class: failureClass,
      detail: response.slice(0, DETAIL_LENGTH),
    } satisfies ToldError);
  }

  /** Counts an event that was too old to be sent: a dead letter, but no attempt. */
  countExpired(): void {
    this.died += 1;
    this.#addFailed('expired', 0, { kind: 'dead' });
  }

  /** Counts events that may have arrived before and are sent again, for each of these causes. */
  countRepeats(causes: readonly RepeatCause[], events = 1): void {
    for (const cause of causes) this.#add('repeats', cause, events);
  }

  /** Counts what an earlier run of the batch could not write down; it adds to the counters only. */
  recount({ event, outcome }: FinishedEvent): void {
    if (outcome.kind === 'delivered') this.#addDelivered(outcome.status);
    else {
      const { failureClass, status } = lastFailure(event);
      this.#addFailed(failureClass, status, outcome);
    }
  }

  /** What was counted since the last time, to be written with the settlement. */
  take(): Pick<SettleCommand, 'counters' | 'lastError' | 'failures' | 'judged' | 'webPages'> {
    const counters = this.#counters;
    const text = this.#lastError;
    const lastError = text === undefined ? undefined : { text, deliveredAfter: this.#deliveredAfter };
    const failures = this.#failures;
    const judged = this.#judged;
    const webPages = this.#webPages;
    for (const [status, count] of this.#deliveries) counters.set(`delivered:${this.#type}:${status}`, count);
    if (this.#attemptMs >= 0.5) counters.set(`attemptMs:${this.#type}`, Math.round(this.#attemptMs));
    this.#counters = new Map();
    this.#deliveries = new Map();
    this.#lastError = undefined;
    this.#attemptMs = 0;
    this.#failures = undefined;
    this.#judged = 0;
    this.#webPages = 0;
    return { counters, lastError, failures, judged, ...(webPages > 0 && { webPages }) };
  }

  #addFailed(failureClass: string, status: number, { kind }: Outcome): void {
    // These counters are attempts.
    if (failureClass !== 'expired') {
      this.#add('failed', failureClass);
      const cause = `${failureClass}:${status}`;
      this.#failures ??= {};
      this.#failures[cause] = (this.#failures[cause] ?? 0) + 1;
      if (failureClass !== 'proxy' && judgesTheEvent(status)) this.#judged += 1;
    }
    if (kind === 'dead') this.#add('dead', failureClass);
  }

  #add(kind: string, name: string, count = 1): void {
    const field = `${kind}:${this.#type}:${name}`;
    this.#counters.set(field, (this.#counters.get(field) ?? 0) + count);
  }

  #addDelivered(status: number): void {
    this.#deliveries.set(status, (this.#deliveries.get(status) ?? 0) + 1);
  }
}
