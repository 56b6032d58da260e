import { type EventType, unitIn } from '../core/event-type.ts';
import { EVENT_TYPES } from '../core/event-types.ts';
import { parseJson } from '../core/json-value.ts';
import type { Answer, AnswerLike } from './answer.ts';
import type { ReceivedRequest, RequestHistory } from './request-log.ts';

/** Decides what a company does with a request that passed authentication. */
export type Script = (request: ReceivedRequest, history: RequestHistory) => AnswerLike | Promise<AnswerLike>;

/** A script, or the one answer that it always gives. */
export type Reply = AnswerLike | Script;

/** Asks a reply for its answer to one request. */
export function ask(
  reply: Reply,
  request: ReceivedRequest,
  history: RequestHistory,
): AnswerLike | Promise<AnswerLike> {
  return typeof reply === 'function' ? reply(request, history) : reply;
}

/**
 * The unit that a request's body is about; undefined: it names none.
 *
 * @param types what it may be; of several, the first one whose field it has
 */
export function unitOf({ body }: ReceivedRequest, types: readonly EventType[] = EVENT_TYPES) {
  const payload = parseJson(body);
  const unit = types.map((type) => unitIn(type, payload)).find((value) => value !== undefined);
  return unit === undefined ? undefined : String(unit);
}

/** One entry of a validation failure (contract, part 2). */
export interface FieldError {
  readonly field: string;
  readonly code: 'missing_field' | 'invalid_type' | 'invalid';
}

const MISSING_LOCATION: FieldError = { field: '$.location_identifier', code: 'missing_field' };

/** 422 in the contract's form. */
export function validationFailure422(errors: readonly FieldError[] = [MISSING_LOCATION]): Answer {
  return { status: 422, body: JSON.stringify({ message: 'Validation failed', errors }) };
}
