import type { Log } from '../core/log.ts';
import type { ClientView } from '../queue/client-view.ts';

/** Notices queues with work that no worker takes. */
export interface Watchdog {
  /** The clients whose events no worker takes. */
  readonly untaken: ReadonlySet<string>;
  /** Judges the present state of all queues; `now` is monotonic, in milliseconds. */
  note(views: ReadonlyMap<string, ClientView>, now: number): void;
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
  /** Of each queue. */
  let heads = new Map<string, WaitingHead>();
  const untaken = new Set<string>();

  /** What waits of a client, by queue, and since when it is not taken. */
  function headsOf(client: string, { endpoints }: ClientView, now: number): [string, WaitingHead][] {
    return Object.entries(endpoints).flatMap(([type, { head, held, paused, isConfigured }]) => {
      if (head === '' || held || paused || !isConfigured) return [];
      const queue = `${client} ${type}`;
      const before = heads.get(queue);
      return [[queue, before?.head === head ? before : { head, since: now }]];
    });
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
    note(views, now) {
      const next = new Map<string, WaitingHead>();
      for (const [client, view] of views) {
        const waiting = headsOf(client, view, now);
        for (const [queue, head] of waiting) next.set(queue, head);
        const waitingMs = Math.max(...waiting.map(([, { since }]) => now - since));
        if (waitingMs >= untakenMs()) warn(client, waitingMs);
        else clear(client);
      }
      for (const client of untaken) if (!views.has(client)) untaken.delete(client);
      heads = next;
    },
  };
}
