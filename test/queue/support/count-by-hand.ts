import type { Redis } from 'ioredis';
import type { Batch, StoredEvent } from '../../../src/core/event.ts';
import type { ClientView } from '../../../src/queue/client-view.ts';
import { deadLettersPrefix, endpointPrefix } from '../../../src/queue/names.ts';

/** Where the events of an endpoint are. */
export interface Counts {
  readonly waiting: number;
  readonly inFlight: number;
  readonly retrying: number;
  readonly dead: number;
}

/** Counts the events of an endpoint in Redis one by one: in the jobs of its queue, and among the dead letters. */
export async function countByHand(redis: Redis, client: string, type: string): Promise<Counts> {
  const prefix = endpointPrefix({ client, type });
  const deadPrefix = deadLettersPrefix(client);
  async function eventsIn(ids: readonly string[]): Promise<StoredEvent[]> {
    const texts = await Promise.all(ids.map((id) => redis.hget(prefix + id, 'data')));
    return texts.flatMap((text) => [...(JSON.parse(text ?? '{"events":[]}') as Batch).events]);
  }
  const sets = ['prioritized', 'delayed'].map((name) => redis.zrange(prefix + name, '0', '-1'));
  const ids = [await redis.lrange(`${prefix}wait`, 0, -1), ...(await Promise.all(sets))].flat();
  const idle = await eventsIn(ids);
  const open = await eventsIn(await redis.lrange(`${prefix}active`, 0, -1));
  const letterIds = await redis.zrange(`${deadPrefix}prioritized`, '0', '-1');
  const letters = await Promise.all(letterIds.map((id) => redis.hget(deadPrefix + id, 'data')));
  const dead = letters.filter((text) => (JSON.parse(text ?? '{}') as StoredEvent).type === type).length;
  const retrying = idle.filter(({ history = [] }) => history.length > 0).length;
  return { waiting: idle.length - retrying, inFlight: open.length, retrying, dead };
}

/** The same counts as a view has them. */
export function countsOf({ endpoints }: ClientView, type: string): Counts {
  const { waiting = 0, inFlight = 0, retrying = 0, dead = 0 } = endpoints[type] ?? {};
  return { waiting, inFlight, retrying, dead };
}
