import type { Redis } from 'ioredis';
import { DEAD_LETTERS, DELIVERIES, queuePrefix, statsKey } from './names.ts';

/** What decides whether an incident is over. */
export interface IncidentFacts {
  /** Whether anything of the client waits, is being sent or will be tried again, of whatever type. */
  readonly isUnderWay: boolean;
  /** Dead letters of the client, of whatever type. */
  readonly dead: number;
  /** Events that were ever delivered, by type. */
  readonly delivered: ReadonlyMap<string, number>;
}

/** Reads what decides whether the incidents of these clients are over. @throws errors of Redis */
export async function readIncidentFacts(
  redis: Redis,
  clients: readonly string[],
): Promise<Map<string, IncidentFacts>> {
  return new Map(
    await Promise.all(
      clients.map(async (client) => {
        // In the order in which an event goes through them: one that went on in between is not overlooked.
        const isUnderWay = await hasJobs(redis, client);
        const stats = await redis.hgetall(statsKey(client));
        const dead = await redis.zcard(`${queuePrefix(client, DEAD_LETTERS)}prioritized`);
        const delivered = new Map<string, number>();
        for (const [field, count] of Object.entries(stats)) {
          const [kind, type = ''] = field.split(':');
          if (kind === 'delivered') delivered.set(type, (delivered.get(type) ?? 0) + Number(count));
        }
        return [client, { isUnderWay, dead, delivered }] as const;
      }),
    ),
  );
}

/** Whether any batch of a client waits, is open or is delayed. @throws errors of Redis */
async function hasJobs(redis: Redis, client: string): Promise<boolean> {
  const prefix = queuePrefix(client, DELIVERIES);
  // One transaction: a batch that goes from one to another would be met in none.
  const sizes = await redis
    .multi()
    .llen(`${prefix}wait`)
    .llen(`${prefix}paused`)
    .zcard(`${prefix}prioritized`)
    .llen(`${prefix}active`)
    .zcard(`${prefix}delayed`)
    .exec();
  return (sizes ?? []).some(([error, size]) => {
    if (error !== null) throw error;
    return Number(size) > 0;
  });
}
