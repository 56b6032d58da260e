import { type DeadLetterFilter, matchesFilter } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';

/** A dead letter with the client that it was meant for. */
export interface DeadLetter {
  readonly client: string;
  readonly event: StoredEvent;
}

/** Reads a client's dead letters page by page, oldest first; letters that do not match may be left out. */
export type ReadDeadLetters = (
  client: string,
  filter: DeadLetterFilter,
) => AsyncIterable<readonly StoredEvent[]>;

/**
 * Finds dead letters, client by client and oldest first, page by page.
 *
 * @param limit stops after this number
 * @param signal ends it before the next page
 * @throws the signal's reason
 */
export async function* findDeadLetters(
  read: ReadDeadLetters,
  clients: readonly string[],
  filter: DeadLetterFilter,
  limit = Number.POSITIVE_INFINITY,
  signal?: AbortSignal,
): AsyncGenerator<readonly DeadLetter[]> {
  let left = limit;
  for (const client of clients) {
    for await (const page of read(client, filter)) {
      signal?.throwIfAborted();
      const found = page.filter((event) => matchesFilter(event, filter)).slice(0, left);
      left -= found.length;
      if (found.length > 0) yield found.map((event) => ({ client, event }));
      if (left <= 0) return;
    }
  }
}
