import type { FailureClass } from '../core/attempt-result.ts';
import type { StoredEvent } from '../core/event.ts';
import type { Classification } from '../core/outcome.ts';
import { roundToMicroseconds } from './timeline.ts';

/** One event that ended so; there is never a secret in it. */
interface OutcomeExample extends Pick<StoredEvent, 'id' | 'type' | 'unit'> {
  /** From the start of the run or probe, in milliseconds. */
  readonly atMs: number;
  readonly serviceMs: number;
  /** The start of the answer, or why there was none; empty if it was delivered. */
  readonly response: string;
}

/** All events that ended in one way. */
export interface OutcomeCount {
  /** `delivered`, or the failure class. */
  readonly outcome: 'delivered' | FailureClass;
  /** 0: there was none. */
  readonly status: number;
  count: number;
  /** The first three. */
  readonly examples: OutcomeExample[];
}

const EXAMPLES = 3;
const LONGEST_RESPONSE = 512;

/** Counts how events end, by class and status, with examples of each. */
export class OutcomeCounts {
  readonly #counts = new Map<string, OutcomeCount>();

  /** Counts one event that ended `atMs` after the start. */
  count(classification: Classification, event: StoredEvent, atMs: number, serviceMs: number): void {
    const { status } = classification;
    const isDelivered = classification.kind === 'delivered';
    const outcome = isDelivered ? 'delivered' : classification.failureClass;
    const response = isDelivered ? '' : classification.response;
    const key = `${outcome}${status}`;
    const counted = this.#counts.get(key) ?? { outcome, status, count: 0, examples: [] };
    this.#counts.set(key, counted);
    counted.count += 1;
    if (counted.examples.length === EXAMPLES) return;
    const { id, type, unit } = event;
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
  list(): readonly Readonly<OutcomeCount>[] {
    return [...this.#counts.values()].sort((a, b) => b.count - a.count);
  }
}
