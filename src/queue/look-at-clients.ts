import type { Redis } from 'ioredis';
import { fromStats, type LastError } from './client-status.ts';
import { runForEach } from './run-for-each.ts';
import { CLIENT_LOOK } from './scripts/client-look.ts';

/** Where a client's events are, as `ClientStatus`, at a cost that does not depend on how many they are. */
export interface ClientLook {
  /** Long queues: what the counters say, or what the first jobs of a state hold, taken for all of them. */
  readonly waiting: number;
  readonly inFlight: number;
  readonly retrying: number;
  /** For how long the first batch that waits has waited, in milliseconds; 0: none waits. */
  readonly oldestMs: number;
  readonly dead: number;
  readonly broken: number;
  /** Since when the client is paused, ms since the epoch; absent: it is not. */
  readonly pausedAt?: number;
  readonly lastError?: LastError;
  /** Those that are open. */
  readonly incidents: number;
  readonly counters: LookCounters;
}

/** What was counted of a client's events, ever. */
export interface LookCounters {
  readonly accepted: number;
  readonly delivered: number;
  /** Failed attempts. */
  readonly failed: number;
  /** Events that became dead letters. */
  readonly died: number;
  readonly replayed: number;
  /** How long all attempts took together. */
  readonly attemptMs: number;
}

/** Jobs of a state whose events are counted one by one. */
const LOOKED_INTO = 50;

/** The jobs of a state, how many of them were looked into, and the events of those. */
type Count = [jobs: number, lookedInto: number, events: number];
type Answer = [number, number, number, Count, Count, Count, Count, string[], number];

/** Looks at the queues of all these clients in one round trip. @throws errors of Redis */
export async function lookAtClients(
  redis: Redis,
  clients: readonly string[],
): Promise<ReadonlyMap<string, ClientLook>> {
  const script = { name: 'client-look', lua: CLIENT_LOOK, args: [LOOKED_INTO] };
  const answers = await runForEach<Answer>(redis, clients, script);
  return new Map([...answers].map(([client, answer]) => [client, toLook(answer)]));
}

function toLook(answer: Answer): ClientLook {
  const [oldestMs, dead, broken, wait, prioritized, active, delayed, fields, incidents] = answer;
  const stats: Record<string, string> = {};
  for (let i = 0; i < fields.length; i += 2) stats[fields[i] ?? ''] = fields[i + 1] ?? '';
  const { pausedAt, lastError, failedAttempts, delivered, accepted, replayed } = fromStats(stats);
  const failed = Object.values(failedAttempts).reduce((sum, count) => sum + count, 0);
  const counters = {
    ...{ accepted, delivered, failed, replayed },
    died: Number(stats['dead'] ?? 0),
    attemptMs: Number(stats['attemptMs'] ?? 0),
  };
  const [inFlight, retrying] = [eventsIn(active), eventsIn(delayed)];
  return {
    waiting: waitingIn([wait, prioritized], counters, inFlight + retrying),
    inFlight,
    retrying,
    oldestMs: Math.max(0, oldestMs),
    dead,
    broken,
    incidents,
    counters,
    ...(pausedAt === undefined ? {} : { pausedAt }),
    ...(lastError === undefined ? {} : { lastError }),
  };
}

function eventsIn([jobs, lookedInto, events]: Count): number {
  return lookedInto === 0 ? 0 : Math.round((jobs * events) / lookedInto);
}

/** Of a long queue, the counters tell more exactly than its first jobs: what is not elsewhere waits. */
function waitingIn(states: readonly Count[], counters: LookCounters, elsewhere: number): number {
  const jobs = states.reduce((sum, [count]) => sum + count, 0);
  const lookedInto = states.reduce((sum, [, count]) => sum + count, 0);
  if (lookedInto === jobs) return states.reduce((sum, [, , events]) => sum + events, 0);
  const { accepted, replayed, delivered, died } = counters;
  return Math.max(jobs, accepted + replayed - delivered - died - elsewhere);
}
