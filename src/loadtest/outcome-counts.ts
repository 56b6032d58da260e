import type { StoredEvent } from '../core/event.ts';
import type { Classification } from '../core/outcome.ts';
import { roundToMicroseconds } from './timeline.ts';

/** One event that ended so; there is never a secret in it. */
export interface OutcomeExample {
  /** From the start of the run or probe, in milliseconds. */
  readonly atMs: number;
  readonly id: string;
  readonly type: string;
  readonly unit: string;
  readonly serviceMs: number;
  /** The start of the answer, or why there was none; empty if it was delivered. */
  readonly response: string;
}

/** All events that ended in one way. */
export interface OutcomeCount {
  /** `delivered`, or the failure class. */
  readonly outcome: string;
  /** 0: there was none. */
  readonly status: number;
  readonly count: number;
  /** The first three. */
  readonly examples: readonly OutcomeExample[];
}

const EXAMPLES = 3;
const LONGEST_RESPONSE = 512;

type OpenCount = { outcome: string; status: number; count: number; examples: OutcomeExample[] };

/** Counts how events end, by class and status, with examples of each. */
export class OutcomeCounts {
  readonly #counts = new Map<string, OpenCount>();

  /** Counts one event that ended `atMs` after the start. */
  count(classification: Classification, event: StoredEvent, atMs: number, serviceMs: number): void {
    const counted = this.#of(classification);
    counted.count += 1;
    if (counted.examples.length === EXAMPLES) return;
    const { id, type, unit } = event;
    const response = classification.kind === 'delivered' ? '' : classification.response;
    counted.examples.push({
      atMs: roundToMicroseconds(atMs),
      id,
      type,
      unit,
      serviceMs: roundToMicroseconds(serviceMs),
      response: response.slice(0, LONGEST_RESPONSE),
    });
  }

  /** The most frequent outcome first. */
  list(): OutcomeCount[] {
    return [...this.#counts.values()].sort((a, b) => b.count - a.count);
  }

  #of(classification: Classification): OpenCount {
    const { status } = classification;
    const outcome = classification.kind === 'delivered' ? 'delivered' : classification.failureClass;
    const key = `${outcome}${status}`;
    let counted = this.#counts.get(key);
    if (counted === undefined) {
      counted = { outcome, status, count: 0, examples: [] };
      this.#counts.set(key, counted);
    }
    return counted;
  }
}
