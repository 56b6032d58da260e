import { guardKey } from './names.ts';
import type { Connection } from './servers.ts';

type Argument = string | number | Buffer;

/**
 * A Lua script that is loaded once a connection and then called by its hash. It rejects with errors of Redis; so do
 * all functions of this folder that ask Redis, unless they say otherwise.
 */
export type Script = (
  redis: Connection,
  keys: readonly string[],
  args: readonly Argument[],
) => Promise<unknown>;

/** Names a script of one client so that it can be run on any connection. Its keys also declare the guard key. */
export function defineScript(name: string, lua: string): Script {
  const run = defineUnguardedScript(name, lua);
  return (redis, keys, args) => run(redis, [...keys, guardKey(keys[0] ?? '')], args);
}

/** As `defineScript`, for a script that reads of many clients: they share no hash slot, so there is no guard. */
export function defineUnguardedScript(name: string, lua: string): Script {
  const command = `waybill:${name}`;
  return (redis, keys, args) => {
    const commands = redis as unknown as Record<string, (...values: Argument[]) => Promise<unknown>>;
    if (commands[command] === undefined) redis.defineCommand(command, { lua });
    return commands[command]?.(keys.length, ...keys, ...args) as Promise<unknown>;
  };
}
