import type { Redis } from 'ioredis';
import type { Config } from '../config/config-schema.ts';
import { loadConfig } from '../config/load-config.ts';
import { didYouMean } from '../core/near-miss.ts';
import { closeRedis, openRedis } from '../queue/connections.ts';
import { unavailable } from '../queue/write-errors.ts';
import { findRedisAccess } from '../service/redis-access.ts';
import { type GlobalOptions, runCommand, UsageError } from './run-command.ts';
import type { Terminal } from './terminal.ts';

/** A command's connection to Redis, and the configuration that it found it by. */
export interface Operator {
  readonly config: Config;
  readonly redis: Redis;
  close(): Promise<void>;
}

/**
 * Connects a command to the configuration's Redis; an embedded one that does not run is not started.
 *
 * @throws WaybillError `REDIS_UNAVAILABLE`, `REDIS_NOT_RUNNING`; ConfigError
 */
export async function openOperator(file: string): Promise<Operator> {
  const config = loadConfig(file);
  const access = await findRedisAccess(config);
  const redis = openRedis(access.location, 'operator', () => {});
  try {
    await redis.ping();
  } catch (error) {
    const away = unavailable(redis, error);
    closeRedis(redis);
    await access.release();
    throw away;
  }
  return {
    config,
    redis,
    async close() {
      closeRedis(redis);
      await access.release();
    },
  };
}

/** Runs the action of a command that needs Redis, and closes the connection afterwards. */
export function runWithOperator(
  options: GlobalOptions,
  action: (terminal: Terminal, operator: Operator) => Promise<number>,
): Promise<void> {
  return runCommand(options, async (terminal) => {
    const operator = await openOperator(options.config);
    try {
      return await action(terminal, operator);
    } finally {
      await operator.close();
    }
  });
}

/** The clients that a command is about: the one that was named, or all. @throws UsageError */
export function chooseClients(config: Config, name: string | undefined): string[] {
  const known = Object.keys(config.clients);
  if (name === undefined) return known;
  if (!known.includes(name)) {
    const there = `there are: ${known.join(', ')}${didYouMean(name, known)}`;
    throw new UsageError(`client "${name}" is not in ${config.file}; ${there}`);
  }
  return [name];
}
