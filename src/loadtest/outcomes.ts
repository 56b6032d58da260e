import type { Classification } from '../core/classify.ts';
import type { StoredEvent } from '../core/event.ts';

/** One event that ended so; never with a secret in it. */
export interface OutcomeExample {
  /** From the start of the run or probe, in milliseconds. */
  readonly atMs: number;
  readonly id: string;
  readonly type: string;
  readonly unit: string;
  readonly serviceMs: number;
  /** The start of the answer, or why there was none; empty where nothing is kept of it. */
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

/** Counts how events end, by class and status. */
export interface Outcomes {
  count(classification: Classification, example: () => Omit<OutcomeExample, 'response'>): void;
  /** The most frequent one first. */
  list(): OutcomeCount[];
}

const EXAMPLES = 3;
const LONGEST_RESPONSE = 512;

type Mutable = { outcome: string; status: number; count: number; examples: OutcomeExample[] };

/** Makes an empty count. */
export function createOutcomes(): Outcomes {
  const found = new Map<string, Mutable>();

  function of({ kind, status }: Classification, outcome: string): Mutable {
    const key = `${kind === 'delivered' ? '' : outcome}${status}`;
    const known = found.get(key);
    if (known !== undefined) return known;
    const made = { outcome, status, count: 0, examples: [] };
    found.set(key, made);
    return made;
  }

  return {
    count(classification, example) {
      const outcome = classification.kind === 'delivered' ? 'delivered' : classification.failureClass;
      const counted = of(classification, outcome);
      counted.count += 1;
      if (counted.examples.length === EXAMPLES) return;
      const response = classification.kind === 'delivered' ? '' : classification.response;
      counted.examples.push({ ...example(), response: response.slice(0, LONGEST_RESPONSE) });
    },
    list: () => [...found.values()].sort((a, b) => b.count - a.count),
  };
}

/** An example of an event, without what is known of its answer. */
export function exampleOf(
  event: StoredEvent,
  atMs: number,
  serviceMs: number,
): Omit<OutcomeExample, 'response'> {
  const round = (ms: number): number => Math.round(ms * 1_000) / 1_000;
  return { atMs: round(atMs), id: event.id, type: event.type, unit: event.unit, serviceMs: round(serviceMs) };
}
