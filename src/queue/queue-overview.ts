import type { Redis } from 'ioredis';
import { runForEach } from './run-for-each.ts';
import { OVERVIEW } from './scripts/overview.ts';

/** What can be told of a client's queue at once, however long it is. */
export interface QueueOverview {
  /** Names the batches that come next; empty: none waits. The same as before: none of them was taken. */
  readonly head: string;
  /** For how long the first of them has waited, in milliseconds, by Redis' clock. */
  readonly oldestMs: number;
  /** Whether a process has a batch in its hands. */
  readonly held: boolean;
  readonly paused: boolean;
  /** How many dead letters there are now. */
  readonly dead: number;
  /** The event types whose endpoints have an open incident. */
  readonly incidents: readonly string[];
  /** The client's counters by field. */
  readonly counters: ReadonlyMap<string, number>;
}

type Answer = [string, number, number, number, number, string[], string[]];

/** Looks at the queues of all these clients in one round trip. @throws errors of Redis */
export async function readOverviews(
  redis: Redis,
  clients: readonly string[],
): Promise<ReadonlyMap<string, QueueOverview>> {
  const script = { name: 'overview', lua: OVERVIEW };
  const answers = await runForEach<Answer>(redis, clients, script);
  return new Map([...answers].map(([client, answer]) => [client, toOverview(answer)]));
}

function toOverview([head, oldestMs, held, paused, dead, stats, incidents]: Answer): QueueOverview {
  const counters = new Map<string, number>();
  for (let i = 0; i < stats.length; i += 2) {
    const value = Number(stats[i + 1]);
    if (Number.isFinite(value)) counters.set(stats[i] ?? '', value);
  }
  const states = { held: held === 1, paused: paused === 1 };
  return { head, oldestMs: Math.max(0, oldestMs), ...states, dead, incidents, counters };
}
