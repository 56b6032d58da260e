import type { Log } from '../core/log.ts';
import type { QueueOverview } from '../queue/queue-overview.ts';

/** Notices queues with work that no worker takes. */
export interface Watchdog {
  /** The clients whose events no worker takes. */
  readonly untaken: ReadonlySet<string>;
  /** Judges the present state of all queues; `now` is monotonic, in milliseconds. */
  note(overviews: ReadonlyMap<string, QueueOverview>, now: number): void;
}

/** What a watchdog needs. */
export interface WatchdogParts {
  readonly log: Log;
  /** How long work may wait while no worker takes any, in milliseconds. */
  untakenMs(): number;
}

interface WaitingHead {
  readonly head: string;
  readonly since: number;
}

/**
 * Builds a watchdog. Work is taken if the queue's next batch is another one than before, or if a process holds a
 * batch: a slow endpoint, or a rate limit, may keep it for long.
 */
export function createWatchdog({ log, untakenMs }: WatchdogParts): Watchdog {
  let heads = new Map<string, WaitingHead>();
  const untaken = new Set<string>();

  function headOf(client: string, overview: QueueOverview, now: number): WaitingHead | undefined {
    const { head, held, paused } = overview;
    if (head === '' || held || paused) return undefined;
    const before = heads.get(client);
    return before?.head === head ? before : { head, since: now };
  }

  function warn(client: string, waitingMs: number): void {
    if (untaken.has(client)) return;
    untaken.add(client);
    log.warn({ client, waitingMs: Math.round(waitingMs) }, 'no worker takes events');
  }

  function clear(client: string): void {
    if (untaken.delete(client)) log.info({ client }, 'workers take events again');
  }

  return {
    untaken,
    note(overviews, now) {
      const next = new Map<string, WaitingHead>();
      for (const [client, overview] of overviews) {
        const waiting = headOf(client, overview, now);
        if (waiting !== undefined) next.set(client, waiting);
        const waitingMs = waiting === undefined ? 0 : now - waiting.since;
        if (waitingMs >= untakenMs()) warn(client, waitingMs);
        else clear(client);
      }
      for (const client of untaken) if (!overviews.has(client)) untaken.delete(client);
      heads = next;
    },
  };
}
