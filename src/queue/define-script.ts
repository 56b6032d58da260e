import type { Redis } from 'ioredis';

type Argument = string | number;

/** A Lua script that is loaded once a connection and then called by its hash. */
export type Script = (redis: Redis, keys: readonly string[], args: readonly Argument[]) => Promise<unknown>;

/** Names a script so that it can be run on any connection. */
export function defineScript(name: string, lua: string): Script {
  const command = `waybill:${name}`;
  return (redis, keys, args) => {
    const commands = redis as unknown as Record<string, (...values: Argument[]) => Promise<unknown>>;
    if (commands[command] === undefined) redis.defineCommand(command, { lua });
    return commands[command]?.(keys.length, ...keys, ...args) as Promise<unknown>;
  };
}
