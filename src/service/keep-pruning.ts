import type { Config } from '../config/config-schema.ts';
import { diedAt } from '../core/dead-letter-filter.ts';
import type { Log } from '../core/log.ts';
import { every } from '../core/time.ts';
import { discardDeadLetters, readDeadLetters } from '../queue/dead-letters.ts';
import type { Connection } from '../queue/servers.ts';

const PRUNE_EVERY_MS = 3_600_000;
const DAY_MS = 86_400_000;

/**
 * Removes dead letters that are older than the configuration keeps them, now and every hour.
 *
 * @param now ms since the epoch
 * @returns what ends it
 */
export function keepPruning(config: Config, redis: Connection, log: Log, now: () => number): () => void {
  const { keepDays } = config.deadLetters;
  if (keepDays === undefined) return () => {};
  const prune = async (): Promise<void> => {
    for (const client of Object.keys(config.clients)) {
      try {
        const removed = await pruneDeadLetters(redis, client, now() - keepDays * DAY_MS);
        if (removed > 0) log.info({ client, removed, keepDays }, 'old dead letters removed');
      } catch (error) {
        log.warn({ client, err: error }, 'dead letters could not be pruned');
      }
    }
  };
  return every(PRUNE_EVERY_MS, prune);
}

/**
 * Removes a client's dead letters that died before a time. They are read oldest first, so the first page without any
 * ends it.
 *
 * @param before ms since the epoch
 * @returns how many were removed
 */
export async function pruneDeadLetters(redis: Connection, client: string, before: number): Promise<number> {
  let removed = 0;
  for await (const page of readDeadLetters(redis, client)) {
    const old = page.filter((event) => diedAt(event) < before);
    if (old.length === 0) return removed;
    removed += await discardDeadLetters(redis, client, old);
  }
  return removed;
}
