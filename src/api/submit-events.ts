import type { Problem } from '../core/problem.ts';
import type { ReadEventOptions } from '../intake/submit-options.ts';
import type { Refused, SubmitResult } from '../intake/submit-result.ts';
import { type EventItem, MAX_EVENTS, type ReadEvent } from './event-items.ts';
import { type ApiProblem, ProblemError, statusOf } from './problems.ts';
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

/** What takes the events of one request. */
export interface Submission {
  readonly account: EventAccount;
  /**
   * Submits some more. @throws ProblemError with the account so far, where taking no further ones is better
   */
  add(items: readonly EventItem[]): Promise<void>;
}

/** Begins with no events. `submit` is bound to the client and type. */
export function beginSubmission(submit: (event: ReadEvent) => Promise<SubmitResult>): Submission {
  const account: EventAccount = { accepted: [], refused: [], unknown: [] };
  let count = 0;
  let errorsLeft = MAX_ERRORS;

  function shorten(errors: readonly Problem[]): Problem[] {
    const kept = errors.slice(0, Math.max(1, errorsLeft));
    errorsLeft -= kept.length;
    if (kept.length === errors.length) return kept;
    return [...kept, { path: '$', message: `has ${errors.length - kept.length} more problems` }];
  }

  async function addPart(items: readonly EventItem[]): Promise<void> {
    const first = count;
    count += items.length;
    const results = await Promise.all(
      items.map((item) => ('problem' in item ? refusalOf(item) : submit(item))),
    );
    let trouble: ApiProblem | undefined;
    for (const [i, result] of results.entries()) {
      trouble = enter(account, first + i, items[i]?.line, result, shorten) ?? trouble;
    }
    if (trouble !== undefined) throw new ProblemError(trouble.code, trouble.detail, account);
  }

  return {
    account,
    async add(items) {
      for (let from = 0; from < items.length; from += PART) {
        const part = items.slice(from, from + PART);
        if (count + part.length > MAX_EVENTS) throw tooMany(account);
        await addPart(part);
      }
    },
  };
}

function refusalOf({ path = '$', problem }: Extract<EventItem, { problem: string }>): Refused {
  return { outcome: 'refused', code: 'INVALID_EVENT', problems: [{ path, message: problem }] };
}

/** Writes down what became of an event. @returns why it is better to stop, if it is no fault of the event */
function enter(
  account: EventAccount,
  index: number,
  line: number | undefined,
  result: SubmitResult,
  shorten: (errors: readonly Problem[]) => Problem[],
): ApiProblem | undefined {
  if (result.outcome === 'accepted') {
    const { outcome: _, ...accepted } = result;
    account.accepted.push({ index, ...accepted });
    return undefined;
  }
  const detail = result.problems[0]?.message ?? '';
  if (result.outcome === 'unknown') {
    account.unknown.push({ index, id: result.id });
    return { code: 'REDIS_ANSWER_LOST', detail };
  }
  const { code, problems } = result;
  const place = line === undefined ? { index } : { index, line };
  account.refused.push({ ...place, code, errors: shorten(problems) });
  return statusOf(code) >= SERVER_FAULT ? { code, detail } : undefined;
}

function tooMany(account: EventAccount): ProblemError {
  const detail = `a request may have at most ${MAX_EVENTS} events; those in none of the lists were not taken`;
  return new ProblemError('TOO_MANY_EVENTS', detail, account);
}
