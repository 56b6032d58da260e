import type { Log } from '../core/log.ts';
import type { ClientView } from '../queue/client-view.ts';

interface WaitingHead {
  readonly head: string;
  readonly since: number;
}

/** Notices queues whose next batch stays the same while no process holds one: no worker takes events. */
export class Watchdog {
  /** The clients whose events no worker takes. */
  readonly untaken = new Set<string>();
  readonly #log: Log;
  readonly #untakenMs: () => number;
  /** Of each queue. */
  #heads = new Map<string, WaitingHead>();

  /** @param untakenMs how long work may wait while no worker takes any, in milliseconds */
  constructor(log: Log, untakenMs: () => number) {
    this.#log = log;
    this.#untakenMs = untakenMs;
  }

  /** Judges the present state of all queues; `now` is monotonic, in milliseconds. */
  note(views: ReadonlyMap<string, ClientView>, now: number): void {
    const next = new Map<string, WaitingHead>();
    for (const [client, view] of views) {
      const waiting = this.#headsOf(client, view, now);
      for (const [queue, head] of waiting) next.set(queue, head);
      this.#judge(client, Math.max(...waiting.map(([, { since }]) => now - since)));
    }
    for (const client of this.untaken) if (!views.has(client)) this.untaken.delete(client);
    this.#heads = next;
  }

  /** The next batches of a client's queues, and since when they are not taken. */
  #headsOf(client: string, { endpoints }: ClientView, now: number): [string, WaitingHead][] {
    return Object.entries(endpoints).flatMap(([type, { head, held, paused, withheld, isConfigured }]) => {
      const isHeld = withheld !== undefined && withheld.for !== 'local';
      if (head === '' || held || paused || isHeld || !isConfigured) return [];
      const queue = `${client} ${type}`;
      const before = this.#heads.get(queue);
      return [[queue, before?.head === head ? before : { head, since: now }]];
    });
  }

  #judge(client: string, waitingMs: number): void {
    if (waitingMs < this.#untakenMs()) {
      if (this.untaken.delete(client)) this.#log.info({ client }, 'workers take events again');
    } else if (!this.untaken.has(client)) {
      this.untaken.add(client);
      this.#log.warn({ client, waitingMs: Math.round(waitingMs) }, 'no worker takes events');
    }
  }
}
