import type { StoredEvent } from '../core/event.ts';
import { type EventType, withUnit } from '../core/event-type.ts';
import { generatePayload } from '../core/generate-payload.ts';
import type { JsonSource } from '../core/odd-numbers.ts';
import type { Problem } from '../core/problem.ts';
import { validatePayload } from '../core/validate-payload.ts';

/** A valid body, split at its unit: an event is made by joining three texts. */
export interface BodyTemplate {
  readonly type: string;
  readonly before: string;
  readonly after: string;
}

/** JSON does not escape it. */
const GAP = 'LOADTEST-0-here-comes-the-number';
/** How many different payloads of a type are generated; later events differ only in id and unit. */
const GENERATED = 1_000;
/** Duplicates repeat one of this many latest events. */
const REMEMBERED = 1_000;

/**
 * Makes a template of a payload that its contract accepts, without its unit, or says why it cannot.
 *
 * @param source as for `validatePayload`
 */
export function toTemplate(type: EventType, payload: unknown, source?: JsonSource) {
  // Its own unit must be valid, too: a wrong file is found before anything is sent.
  const own = validatePayload(type, payload, source);
  if (!own.ok) return own;
  const marked = validatePayload(type, withUnit(type, payload, GAP));
  if (!marked.ok) return marked;
  const [before, after, ...more] = JSON.stringify(marked.payload).split(JSON.stringify(GAP));
  if (marked.unit !== GAP || before === undefined || after === undefined || more.length > 0) {
    const problem: Problem = { path: `$.${type.unitField}`, message: 'cannot be marked as a test' };
    return { ok: false, problems: [problem] } as const;
  }
  const template: BodyTemplate = { type: type.name, before: `${before}"`, after: `"${after}` };
  return { ok: true, template } as const;
}

/**
 * Generates payloads of a type. `random` returns numbers in [0, 1).
 *
 * @throws TypeError for a type whose own payloads cannot be marked
 */
export function generateTemplates(type: EventType, random: () => number, count = GENERATED): BodyTemplate[] {
  return Array.from({ length: count }, (_, n) => {
    const made = toTemplate(type, generatePayload(type, n, random));
    if (!made.ok) throw new TypeError(`payloads of ${type.name} cannot be generated`);
    return made.template;
  });
}

/** One kind of payloads among others, with its share of them (any unit). */
export interface Share {
  readonly weight: number;
  readonly templates: readonly BodyTemplate[];
}

/** What events are made of. */
export interface PayloadOptions {
  readonly shares: readonly Share[];
  /** Goes into every unit: LOADTEST-<run>-<number>. */
  readonly runId: string;
  /** How many of the events repeat an earlier one, id and all; 0 to 1. */
  readonly duplicates: number;
  readonly random: () => number;
  /** A new UUIDv7. */
  newId(): string;
}

/**
 * Makes events of templates, each kind as often as its weight says. Every share must hold a template.
 *
 * @returns gives the next event, with an id and a unit of its own unless it is a duplicate
 */
export function createPayloads(options: PayloadOptions): () => StoredEvent {
  const { shares, runId, duplicates, random, newId } = options;
  const total = shares.reduce((sum, { weight }) => sum + weight, 0);
  const kinds = shares.map((share) => ({ ...share, used: 0 }));
  const latest: StoredEvent[] = [];
  let made = 0;

  function draw(): BodyTemplate {
    let left = kinds.length === 1 ? 0 : random() * total;
    for (const kind of kinds) {
      left -= kind.weight;
      // Rounding errors end at the last kind.
      if (left >= 0 && kind !== kinds.at(-1)) continue;
      kind.used += 1;
      return kind.templates[(kind.used - 1) % kind.templates.length] as BodyTemplate;
    }
    throw new TypeError('there are no payloads');
  }

  return () => {
    if (latest.length > 0 && random() < duplicates) {
      return latest[Math.floor(random() * latest.length)] as StoredEvent;
    }
    const { type, before, after } = draw();
    const unit = `LOADTEST-${runId}-${made}`;
    const event: StoredEvent = { id: newId(), type, unit, body: before + unit + after };
    if (duplicates > 0) latest[made % REMEMBERED] = event;
    made += 1;
    return event;
  };
}
