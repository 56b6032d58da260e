import type { Log } from '../core/log.ts';
import type { QueueOverview } from '../queue/queue-overview.ts';

/** Notices queues with work that nobody takes. */
export interface Watchdog {
  /** The clients whose events nobody takes. */
  readonly untaken: ReadonlySet<string>;
  /** Takes a look at all queues into account; `now` is monotonic, in milliseconds. */
  note(overviews: ReadonlyMap<string, QueueOverview>, now: number): void;
}

/** What a watchdog needs. */
export interface WatchdogParts {
  readonly log: Log;
  /** How long work may wait while nobody takes any, in milliseconds. */
  untakenMs(): number;
}

interface Watched {
  readonly head: string;
  readonly since: number;
}

/**
 * Builds a watchdog. Work is taken where another batch comes next than before, or where a process has some in its
 * hands: a slow endpoint, or a rate limit, may keep it for long.
 */
export function createWatchdog({ log, untakenMs }: WatchdogParts): Watchdog {
  let watched = new Map<string, Watched>();
  const untaken = new Set<string>();

  function judge(client: string, { head, held, paused }: QueueOverview, now: number): Watched | undefined {
    if (head === '' || held || paused) return undefined;
    const before = watched.get(client);
    return before?.head === head ? before : { head, since: now };
  }

  function bark(client: string, waitingMs: number): void {
    if (untaken.has(client)) return;
    untaken.add(client);
    log.warn({ client, waitingMs: Math.round(waitingMs) }, 'events wait and nobody takes them');
  }

  function calmDown(client: string): void {
    if (untaken.delete(client)) log.info({ client }, 'events are taken again');
  }

  return {
    untaken,
    note(overviews, now) {
      const next = new Map<string, Watched>();
      for (const [client, overview] of overviews) {
        const standing = judge(client, overview, now);
        if (standing !== undefined) next.set(client, standing);
        const waitingMs = standing === undefined ? 0 : now - standing.since;
        if (waitingMs >= untakenMs()) bark(client, waitingMs);
        else calmDown(client);
      }
      for (const client of untaken) if (!overviews.has(client)) untaken.delete(client);
      watched = next;
    },
  };
}
