import type { Problem } from '../core/problem.ts';
import type { ReadEventOptions } from '../intake/submit-options.ts';
import type { SubmitResult } from '../intake/submit-result.ts';
import { type EventItem, MAX_EVENTS, type ReadEvent } from './event-items.ts';
import { ProblemError, statusOf } from './problems.ts';
import type { EventAccount } from './schemas.ts';

/**
 * Takes one event, as intake's `submit` does; an idempotency key makes a repeated submission the same event.
 */
export type SubmitEvent = (
  client: string,
  type: string,
  payload: unknown,
  options?: ReadEventOptions,
) => Promise<SubmitResult>;

/** Errors told in full, over all events of a request; beyond that, the first of each event. */
const MAX_ERRORS = 20_000;
/** Submitted in one go. */
const PART = 500;
const SERVER_FAULT = 500;
const TOO_MANY = `a request may have at most ${MAX_EVENTS} events; those in none of the lists were not taken`;
const OF_KEY: ReadonlySet<string> = new Set(['IDEMPOTENCY_KEY_INVALID', 'IDEMPOTENCY_KEY_REUSED']);
/** What they say is the predicate of a path; the messages of all others are sentences. */
const OF_PAYLOAD: ReadonlySet<string> = new Set(['INVALID_EVENT', 'EVENT_TOO_LARGE']);

/** Takes the events of one request, and keeps account of them. */
export class Submission {
  readonly account: EventAccount = { accepted: [], refused: [], unknown: [] };
  readonly #submit: (event: ReadEvent) => Promise<SubmitResult>;
  #count = 0;
  #errorsLeft = MAX_ERRORS;

  /** @param submit is bound to the client and type */
  constructor(submit: (event: ReadEvent) => Promise<SubmitResult>) {
    this.#submit = submit;
  }

  /** Submits some more. @throws ProblemError with the account so far, if taking no further ones is better */
  async add(items: readonly EventItem[]): Promise<void> {
    for (let from = 0; from < items.length; from += PART) {
      const part = items.slice(from, from + PART);
      if (this.#count + part.length > MAX_EVENTS) {
        throw new ProblemError('TOO_MANY_EVENTS', TOO_MANY, this.account);
      }
      const results = await Promise.all(part.map((item) => this.#take(item)));
      let trouble: ProblemError | undefined;
      for (const [i, result] of results.entries()) trouble = this.#enter(result, part[i]?.line) ?? trouble;
      if (trouble !== undefined) throw trouble;
    }
  }

  /** The account of all events. @throws ProblemError if none was accepted */
  conclude(): EventAccount {
    const { accepted, refused } = this.account;
    if (accepted.length > 0) return this.account;
    const [first] = refused;
    if (first === undefined) throw new ProblemError('BODY_INVALID', 'the body holds no event');
    const isOneReason = refused.every(({ code }) => code === first.code);
    const what = refused.length === 1 ? 'the event was not' : `none of the ${refused.length} events was`;
    const detail = `${what} accepted: see refused`;
    throw new ProblemError(isOneReason ? first.code : 'INVALID_EVENT', detail, this.account);
  }

  async #take(item: EventItem): Promise<SubmitResult> {
    if (!('problem' in item)) return this.#submit(item);
    const { path = '$', problem: message } = item;
    return { outcome: 'refused', code: 'INVALID_EVENT', problems: [{ path, message }] };
  }

  /** Writes down what became of an event. @returns why to stop, if it is no fault of the event */
  #enter(result: SubmitResult, line: number | undefined): ProblemError | undefined {
    const index = this.#count;
    this.#count += 1;
    if (result.outcome === 'accepted') {
      const { outcome: _, ...event } = result;
      this.account.accepted.push({ index, ...event });
      return undefined;
    }
    const detail = result.problems[0]?.message ?? '';
    if (result.outcome === 'unknown') {
      this.account.unknown.push({ index, id: result.id });
      return new ProblemError(result.code, detail, this.account);
    }
    const { code, problems } = result;
    const isOfEvent = statusOf(code) < SERVER_FAULT;
    this.account.refused.push({ index, line, code, errors: isOfEvent ? this.#shorten(problems) : [] });
    return isOfEvent ? undefined : new ProblemError(code, detail, this.account);
  }

  #shorten(errors: readonly Problem[]): Problem[] {
    const kept = errors.slice(0, Math.max(1, this.#errorsLeft));
    this.#errorsLeft -= kept.length;
    if (kept.length === errors.length) return kept;
    return [...kept, { path: '$', message: `has ${errors.length - kept.length} more problems` }];
  }
}

/** The paths of a wrapped event's problems begin at the wrapper. */
export function inWrapper(result: SubmitResult): SubmitResult {
  if (result.outcome !== 'refused') return result;
  const { code } = result;
  const problems = result.problems.map(({ path, message }) => {
    if (OF_KEY.has(code)) return { path: '$.idempotencyKey', message };
    return { path: OF_PAYLOAD.has(code) ? `$.payload${path.slice(1)}` : path, message };
  });
  return { ...result, problems };
}
