import { isDeepStrictEqual } from 'node:util';
import type { EventType } from '../core/event-type.ts';
import { parseJson } from '../core/json-value.ts';
import { validatePayload } from '../core/validate-payload.ts';
import type { PlainAnswer } from './answer.ts';
import type { ReceivedRequest } from './request-log.ts';
import { type FieldError, validationFailure422 } from './scripts.ts';

/** How a delivery compares with the sender's contract. */
export interface ContractCheck {
  /** Undefined: there is no endpoint at its path. */
  readonly type: EventType | undefined;
  /** How it differs from what a sender promises, a sentence each, without the values of the request. */
  readonly faults: readonly string[];
  /** A client's answer to a request that it cannot take; undefined: it can take it. */
  readonly refusal: PlainAnswer | undefined;
  /** What the event is about; undefined: the body does not say. */
  readonly unit: string | undefined;
}

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Each header that goes with every request, and what it holds. */
const HEADERS: readonly (readonly [name: string, holds: RegExp, expected: string])[] = [
  ['content-type', /^application\/json(?:\s*;.*)?$/i, 'application/json'],
  ['accept', /application\/json|\*\/\*/i, 'application/json'],
  ['user-agent', /^waybill\/\d/, 'waybill/<version>'],
  ['idempotency-key', UUID, 'a UUID'],
  ['x-waybill-attempt', /^[1-9]\d*$/, 'a whole number from 1'],
];

/** Checks a delivery against the sender's contract. `type` undefined: there is no endpoint at its path. */
export function checkContract(request: ReceivedRequest, type: EventType | undefined): ContractCheck {
  const { method, headers, body } = request;
  const faults: string[] = type === undefined ? ['there is no endpoint at this path'] : [];
  if (method !== 'POST') faults.push(`the method must be POST, found ${method}`);
  for (const [name, holds, expected] of HEADERS) {
    const value = headers[name];
    if (value === undefined) faults.push(`${name} is missing`);
    else if (!holds.test(String(value))) faults.push(`${name} must be ${expected}`);
  }
  if (type === undefined) return { type, faults, refusal: { status: 404 }, unit: undefined };
  const payload = parseJson(body);
  if (payload === undefined) {
    return { type, faults: [...faults, 'the body is not JSON'], refusal: { status: 400 }, unit: undefined };
  }
  const valid = validatePayload(type, payload);
  if (valid.ok) {
    // A producer may give a number where text is due; on the wire it is text.
    if (!isDeepStrictEqual(valid.payload, payload)) faults.push('a number stands where text is due');
    return { type, faults, refusal: undefined, unit: valid.unit };
  }
  const errors = valid.problems.map(({ path, message }): FieldError => {
    return { field: path, code: message === 'is required' ? 'missing_field' : 'invalid' };
  });
  faults.push(...valid.problems.map(({ path, message }) => `${path} ${message.replace(/, found .*$/s, '')}`));
  return { type, faults, refusal: validationFailure422(errors), unit: undefined };
}
