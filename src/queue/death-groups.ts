import { lastFailure } from '../core/dead-letter-filter.ts';
import type { StoredEvent } from '../core/event.ts';

/** Deaths of one kind, as scripts take them; `failingSince` in ms since the epoch. */
export type DeathGroup = readonly [type: string, kind: string, count: number, failingSince: number];

/**
 * Dead events by type, class and status, with when the first attempt of any of them failed.
 *
 * @param now for those without a history
 */
export function deathGroups(dead: readonly StoredEvent[], now: number): DeathGroup[] {
  const groups = new Map<string, DeathGroup>();
  for (const event of dead) {
    const { status, failureClass } = lastFailure(event);
    const kind = `${failureClass}:${status}`;
    const since = event.history?.[0]?.[0] ?? now;
    const [, , count, first] = groups.get(`${event.type} ${kind}`) ?? [event.type, kind, 0, since];
    groups.set(`${event.type} ${kind}`, [event.type, kind, count + 1, Math.min(first, since)]);
  }
  return [...groups.values()];
}
