import type { ChainableCommander, Redis } from 'ioredis';
import { DEAD_LETTERS, DELIVERIES, incidentsKey, queuePrefix, statsKey } from './names.ts';

/**
 * A Lua script that looks at one client.
 *
 * KEYS  wait list of the deliveries
 * ARGV  deliveries prefix, dead-letters prefix, stats, incidents, then `args`
 */
export interface ScriptForEach {
  /** Under which the connection knows it. */
  readonly name: string;
  readonly lua: string;
  readonly args?: readonly number[];
}

/** What a script answers for each of these clients, in one round trip. @throws errors of Redis */
export async function runForEach<Answer>(
  redis: Redis,
  clients: readonly string[],
  { name, lua, args = [] }: ScriptForEach,
): Promise<ReadonlyMap<string, Answer>> {
  const command = `waybill:${name}`;
  redis.defineCommand(command, { lua, numberOfKeys: 1 });
  const pipeline = redis.pipeline() as ChainableCommander & Record<string, (...args: unknown[]) => unknown>;
  for (const client of clients) {
    const prefix = queuePrefix(client, DELIVERIES);
    const others = [queuePrefix(client, DEAD_LETTERS), statsKey(client), incidentsKey(client)];
    pipeline[command]?.(`${prefix}wait`, prefix, ...others, ...args);
  }
  const replies = (await pipeline.exec()) ?? [];
  return new Map(
    replies.map(([error, answer], i) => {
      if (error !== null) throw error;
      return [clients[i] ?? '', answer as Answer];
    }),
  );
}
