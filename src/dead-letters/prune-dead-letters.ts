import { diedAt } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';

/**
 * Removes the dead letters that died before a time. They are read oldest first, so the first page without any
 * ends it.
 *
 * @param before ms since the epoch
 * @returns how many were removed
 */
export async function pruneDeadLetters(
  pages: AsyncIterable<readonly StoredEvent[]>,
  discard: (events: readonly StoredEvent[]) => Promise<number>,
  before: number,
): Promise<number> {
  let removed = 0;
  for await (const page of pages) {
    const old = page.filter((event) => diedAt(event) < before);
    if (old.length === 0) return removed;
    removed += await discard(old);
  }
  return removed;
}
