import { diedAt, lastFailure } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';
import type { FailureExample } from '../core/incident.ts';
import { readDeadLetterPage } from '../queue/dead-letters.ts';
import type { Endpoint } from '../queue/names.ts';
import { readRetrying } from '../queue/outage-records.ts';
import type { Connection } from '../queue/servers.ts';
import { answerOf, maskPayload } from './mask-personal.ts';
import { oddCharactersIn } from './odd-characters.ts';

/** How many jobs that wait for a retry, and how many dead letters, are looked at. */
const LOOKED_AT = 20;
const MOST_EXAMPLES = 5;

/** Finds an example of each failure of an endpoint among its retries and dead letters, newest first. */
export async function collectExamples(redis: Connection, endpoint: Endpoint): Promise<FailureExample[]> {
  const { client, type } = endpoint;
  const [retrying, dead] = await Promise.all([
    readRetrying(redis, endpoint, LOOKED_AT),
    readDeadLetterPage(redis, client, LOOKED_AT, undefined, { type }),
  ]);
  const letters = dead.letters.map(({ event }) => event).filter((event) => event.type === type);
  const byCause = new Map<string, FailureExample>();
  for (const event of [...retrying, ...letters].sort((a, b) => diedAt(b) - diedAt(a))) {
    const { failureClass, status } = lastFailure(event);
    const cause = `${failureClass}:${status}`;
    if (!byCause.has(cause) && byCause.size < MOST_EXAMPLES) byCause.set(cause, toExample(event));
  }
  return [...byCause.values()];
}

/** An event's last failure, without personal data. */
export function toExample(event: StoredEvent): FailureExample {
  const { failureClass, status } = lastFailure(event);
  const { logins } = maskPayload(JSON.parse(event.body));
  const odd = oddCharactersIn(event.body);
  return {
    class: failureClass,
    status,
    event: event.id,
    unit: event.unit,
    at: diedAt(event),
    attempts: event.history?.length ?? 0,
    ...answerOf(event, logins),
    ...(odd.length > 0 && { oddCharacters: odd }),
  };
}
