import type { ChainableCommander, Redis } from 'ioredis';

/** A Lua script of one key that is run for many clients. */
export interface ScriptForEach {
  /** Under which the connection knows it. */
  readonly name: string;
  readonly lua: string;
  /** Its key, and then its arguments. */
  argsOf(client: string): readonly (string | number)[];
}

/** What a script answers for each of these clients, in one round trip. @throws errors of Redis */
export async function runForEach<Answer>(
  redis: Redis,
  clients: readonly string[],
  { name, lua, argsOf }: ScriptForEach,
): Promise<ReadonlyMap<string, Answer>> {
  const command = `waybill:${name}`;
  redis.defineCommand(command, { lua, numberOfKeys: 1 });
  const pipeline = redis.pipeline() as ChainableCommander & Record<string, (...args: unknown[]) => unknown>;
  for (const client of clients) pipeline[command]?.(...argsOf(client));
  const replies = (await pipeline.exec()) ?? [];
  return new Map(
    replies.map(([error, answer], i) => {
      if (error !== null) throw error;
      return [clients[i] ?? '', answer as Answer];
    }),
  );
}
