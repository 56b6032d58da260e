import { diedAt, lastFailure } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';
import { type FieldError, parseFieldErrors } from '../core/validation-failure.ts';
import { maskFieldErrors } from './mask-personal.ts';
import { oddCharactersIn } from './odd-characters.ts';

/** What is kept of any number of dead letters. */
const MOST_SAMPLES = 3;
const MOST_UNITS_NAMED = 20;
const MOST_UNITS_COUNTED = 10_000;
const MOST_FIELDS = 200;
/** Answers that are read for fields: one takes about 10 µs. */
const MOST_READ_FOR_FIELDS = 5_000;
const MOST_ODD = 10;
/** An endpoint may make up statuses. */
const MOST_GROUPS = 100;

/** A number of deaths, and when they were. Times in ms since the epoch. */
class Deaths {
  count = 0;
  firstDied = Number.POSITIVE_INFINITY;
  lastDied = 0;

  addDeath(died: number): void {
    this.count += 1;
    this.firstDied = Math.min(this.firstDied, died);
    this.lastDied = Math.max(this.lastDied, died);
  }
}

/** Dead letters that died of one thing. */
export class FailureGroup extends Deaths {
  readonly class: string;
  /** 0: there was no status. */
  readonly status: number;
  readonly #byAnswer = new Map<string, StoredEvent>();
  readonly #units = new Set<string>();
  /** How many events hold each thing that servers stumble over. */
  readonly oddCharacters = new Map<string, number>();

  constructor(failureClass: string, status: number) {
    super();
    this.class = failureClass;
    this.status = status;
  }

  /** Events come oldest first: each new one replaces the oldest. */
  add(event: StoredEvent): void {
    this.addDeath(diedAt(event));
    const answer = event.response ?? '';
    this.#byAnswer.delete(answer);
    this.#byAnswer.set(answer, event);
    dropFirst(this.#byAnswer, MOST_SAMPLES);
    this.#units.delete(event.unit);
    this.#units.add(event.unit);
    dropFirst(this.#units, MOST_UNITS_NAMED);
    for (const what of oddCharactersIn(event.body)) {
      const count = this.oddCharacters.get(what) ?? 0;
      if (count > 0 || this.oddCharacters.size < MOST_ODD) this.oddCharacters.set(what, count + 1);
    }
  }

  /** The newest ones, each with another answer. */
  get samples(): StoredEvent[] {
    return [...this.#byAnswer.values()].reverse();
  }

  /** The units of the newest ones. */
  get units(): string[] {
    return [...this.#units].reverse();
  }
}

/** Keeps the last entries of a set or map. */
function dropFirst(items: Map<string, unknown> | Set<string>, most: number): void {
  const [first] = items.keys();
  if (items.size > most && first !== undefined) items.delete(first);
}

/** The dead letters of one endpoint, summed up. */
export class CollectedFailures extends Deaths {
  readonly type: string;
  /** When the first attempt of any of them failed, in its latest life. */
  failingSince = Number.POSITIVE_INFINITY;
  readonly #groups = new Map<string, FailureGroup>();
  readonly #units = new Set<string>();
  #hasMoreUnits = false;
  /** How many events objected to each field. */
  readonly #fields = new Map<string, FieldError & { events: number }>();
  /** Events with status 422; the first `MOST_READ_FOR_FIELDS` are read. */
  #invalid = 0;

  constructor(type: string) {
    super();
    this.type = type;
  }

  add(event: StoredEvent): void {
    const died = diedAt(event);
    this.addDeath(died);
    this.failingSince = Math.min(this.failingSince, event.history?.[0]?.[0] ?? died);
    if (this.#units.size < MOST_UNITS_COUNTED) this.#units.add(event.unit);
    else if (!this.#units.has(event.unit)) this.#hasMoreUnits = true;
    this.#groupOf(event).add(event);
    if (lastFailure(event).status !== 422) return;
    this.#invalid += 1;
    if (this.#invalid <= MOST_READ_FOR_FIELDS) this.#addFields(event);
  }

  #groupOf(event: StoredEvent): FailureGroup {
    const { status, failureClass } = lastFailure(event);
    const own = `${failureClass} ${status}`;
    const isKnown = this.#groups.has(own) || this.#groups.size < MOST_GROUPS;
    const key = isKnown ? own : 'others';
    const group =
      this.#groups.get(key) ?? (isKnown ? new FailureGroup(failureClass, status) : new FailureGroup(key, 0));
    this.#groups.set(key, group);
    return group;
  }

  #addFields(event: StoredEvent): void {
    // An answer may name a field more than once.
    const named = new Map(this.#maskedFieldErrors(event).map((one) => [`${one.field} ${one.code}`, one]));
    for (const [key, { field, code }] of named) {
      const events = (this.#fields.get(key)?.events ?? 0) + 1;
      if (events > 1 || this.#fields.size < MOST_FIELDS) this.#fields.set(key, { field, code, events });
    }
  }

  /** Masking is slow; a known field and code name no person. */
  #maskedFieldErrors({ response = '', body }: StoredEvent): readonly FieldError[] {
    const errors = parseFieldErrors(response);
    if (errors.every(({ field, code }) => this.#fields.has(`${field} ${code}`))) return errors;
    return maskFieldErrors(errors, JSON.parse(body));
  }

  /** Most frequent first. */
  get groups(): FailureGroup[] {
    return [...this.#groups.values()].sort((a, b) => b.count - a.count || a.status - b.status);
  }

  /** The number of different units; `isMore`: at least. */
  get units() {
    return { count: this.#units.size, isMore: this.#hasMoreUnits };
  }

  /** Fields that were objected to, most frequent first; `readFrom`: the number of events read for it. */
  get fields() {
    const errors = [...this.#fields.values()].sort((a, b) => b.events - a.events);
    const readFrom = Math.min(this.#invalid, MOST_READ_FOR_FIELDS);
    return { errors, readFrom, isAll: readFrom === this.#invalid };
  }
}

/** Sums up dead letters by their types, in memory that does not grow with their number. */
export async function collectFailures(
  pages: AsyncIterable<readonly StoredEvent[]>,
  isMeant: (event: StoredEvent) => boolean,
): Promise<CollectedFailures[]> {
  const byType = new Map<string, CollectedFailures>();
  for await (const page of pages) {
    for (const event of page.filter(isMeant)) {
      const failures = byType.get(event.type) ?? new CollectedFailures(event.type);
      byType.set(event.type, failures);
      failures.add(event);
    }
  }
  return [...byType.values()];
}
