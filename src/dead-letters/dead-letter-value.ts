import { diedAt, lastFailure } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';
import { parseFieldErrors } from '../core/validation-failure.ts';
import type { DeadLetter } from './find-dead-letters.ts';

/** The attempts of a dead letter's last life; `at` in ms since the epoch, `status` null: there was none. */
export function attemptsOf(event: StoredEvent) {
  return (event.history ?? []).map(([at, status, failureClass, ms], i) => ({
    attempt: i + 1,
    at,
    status: status === 0 ? null : status,
    class: failureClass,
    ms,
  }));
}

/** A dead letter as machines read it in a list. */
export function deadLetterRow({ client, event }: DeadLetter) {
  const { status, failureClass } = lastFailure(event);
  return {
    client,
    id: event.id,
    type: event.type,
    unit: event.unit,
    attempts: event.history?.length ?? 0,
    status: status === 0 ? null : status,
    class: failureClass,
    diedAt: new Date(diedAt(event)).toISOString(),
    replays: event.life ?? 0,
  };
}

/** A dead letter as machines read it, with all that is known of it. */
export function deadLetterDetail({ client, event }: DeadLetter) {
  const fieldErrors = parseFieldErrors(event.response);
  return {
    client,
    id: event.id,
    type: event.type,
    unit: event.unit,
    replays: event.life ?? 0,
    attempts: attemptsOf(event).map((attempt) => ({ ...attempt, at: new Date(attempt.at).toISOString() })),
    ...(event.expiredAt === undefined ? {} : { expiredAt: new Date(event.expiredAt).toISOString() }),
    ...(event.url === undefined ? {} : { url: event.url }),
    response: event.response ?? '',
    ...(event.headers === undefined ? {} : { headers: event.headers }),
    ...(fieldErrors.length > 0 ? { fieldErrors } : {}),
    payload: JSON.parse(event.body) as unknown,
  };
}
