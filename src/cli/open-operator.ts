import type { Config, ResolvedClient } from '../config/config-schema.ts';
import { loadConfigWithoutTls } from '../config/load-config.ts';
import { didYouMean } from '../core/near-miss.ts';
import { closeRedis, expectAnswer, openRedis, toldOf, unavailable } from '../queue/connections.ts';
import type { Connection } from '../queue/servers.ts';
import { countServices } from '../queue/stored-clients.ts';
import { localUser } from '../service/local-user.ts';
import { findRedisAccess } from '../service/redis-access.ts';
import { commandAction, type GlobalOptions, UsageError } from './run-command.ts';
import type { Terminal } from './terminal.ts';

/** A command's connection to Redis, and the configuration that it found it by. */
export type Operator = Awaited<ReturnType<typeof openOperator>>;

/** Connects a command to Redis. @throws ConfigError, WaybillError `REDIS_UNAVAILABLE`, `REDIS_NOT_RUNNING` */
export async function openOperator(file: string) {
  const config = loadConfigWithoutTls(file);
  const access = await findRedisAccess(config);
  const redis = openRedis(access.location, 'operator', () => {});
  try {
    await expectAnswer(redis);
  } catch (error) {
    const away = unavailable(redis, error);
    closeRedis(redis);
    await access.release();
    throw away;
  }
  return {
    config,
    redis,
    /** Who runs the command. */
    by: localUser(process.env['SUDO_USER']),
    async close(): Promise<void> {
      closeRedis(redis);
      await access.release();
    },
  };
}

/** As `commandAction`, for a command that needs Redis; the connection is closed afterwards. */
export function operatorAction<Options extends GlobalOptions, Words extends readonly unknown[]>(
  action: (terminal: Terminal, operator: Operator, options: Options, ...words: Words) => Promise<number>,
): (...given: unknown[]) => Promise<void> {
  return commandAction(async (terminal, options: Options, ...words: Words) => {
    const operator = await openOperator(options.config);
    try {
      return await action(terminal, operator, options, ...words);
    } catch (error) {
      throw toldOf(operator.redis, error);
    } finally {
      await operator.close();
    }
  });
}

/** Finds a client of the configuration. @throws UsageError if there is none of that name */
export function findClient(config: Config, name: string): ResolvedClient {
  const known = Object.keys(config.clients);
  const client = known.includes(name) ? config.clients[name] : undefined;
  if (client !== undefined) return client;
  const there = `there are: ${known.join(', ')}${didYouMean(name, known)}`;
  throw new UsageError(`client "${name}" is not in ${config.file}; ${there}`);
}

/** The clients that a command is about: the one that was named, or all. @throws UsageError */
export function findClients(config: Config, name: string | undefined): ResolvedClient[] {
  return name === undefined ? Object.values(config.clients) : [findClient(config, name)];
}

/** The names of the clients that a command is about. @throws UsageError */
export function chooseClients(config: Config, name: string | undefined): string[] {
  return findClients(config, name).map((client) => client.name);
}

/** Says that queued events wait if no service runs. @param aside says it on stderr */
export async function tellWithoutService(
  terminal: Terminal,
  redis: Connection,
  aside = terminal.json,
): Promise<void> {
  if ((await countServices(redis)) !== 0) return;
  const hint = 'No service is running: the events wait until "waybill start".';
  if (aside) terminal.note(hint);
  else terminal.line(hint);
}
