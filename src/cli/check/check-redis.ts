import type { Redis } from 'ioredis';
import type { Config } from '../../config/config-schema.ts';
import { WaybillError } from '../../core/waybill-error.ts';
import { countServices } from '../../queue/count-services.ts';
import { installedServerVersion, isSupportedVersion, OLDEST_VERSION } from '../../redis/redis-version.ts';
import { judgeRedisSettings, readRedisSettings } from '../../redis/settings.ts';
import { openOperator } from '../open-operator.ts';
import { checkQueues } from './check-queues.ts';
import type { CheckFinding, Level } from './finding.ts';

/** What was found out about Redis and what stands in it. */
export interface RedisCheck {
  readonly findings: readonly CheckFinding[];
  /** False where it should answer and does not. An embedded one that does not run is no fault. */
  readonly reachable: boolean;
}

const about = (level: Level, message: string): CheckFinding => ({ level, subject: 'redis', message });

/** Looks at the configured Redis, or at the embedded one, which is not started for it. Never rejects. */
export async function checkRedis(config: Config): Promise<RedisCheck> {
  try {
    const operator = await openOperator(config.file);
    try {
      return { findings: await lookInto(operator.redis, config), reachable: true };
    } finally {
      await operator.close();
    }
  } catch (error) {
    if (error instanceof WaybillError && error.code === 'REDIS_NOT_RUNNING') {
      return { findings: [await judgeInstalled()], reachable: true };
    }
    const message = error instanceof WaybillError ? error.message : `asking Redis failed: ${String(error)}`;
    return { findings: [about('error', message)], reachable: false };
  }
}

async function lookInto(redis: Redis, config: Config): Promise<CheckFinding[]> {
  const settings = await readRedisSettings(redis);
  const judged = judgeRedisSettings(settings).map(({ level, message }) => about(level, message));
  const isSafe = judged.every(({ level }) => level === 'note');
  const server = `Redis ${settings.version ?? ''} at ${describeLocation(redis)}`.replace('  ', ' ');
  const services = await countServices(redis);
  return [
    about('ok', `${server} answers${isSafe ? ', and its settings keep events' : ''}`),
    ...judged,
    ...(services === undefined ? [] : [judgeServices(services)]),
    ...(await checkQueues(redis, config)),
  ];
}

/** Without the password that the URL may hold. */
function describeLocation({ options }: Redis): string {
  return options.path ?? `${options.host}:${options.port}`;
}

function judgeServices(services: number): CheckFinding {
  return services > 0
    ? about('ok', `a service is running, with ${services} worker process${services === 1 ? '' : 'es'}`)
    : about('note', 'no service is running: nothing is delivered until "waybill start"');
}

async function judgeInstalled(): Promise<CheckFinding> {
  const oldest = OLDEST_VERSION.join('.');
  const version = await installedServerVersion();
  if (version === undefined) {
    return about(
      'error',
      `no redis.url is configured, and redis-server ${oldest} or later is not installed for Waybill to run its own`,
    );
  }
  if (!isSupportedVersion(version)) {
    return about('error', `redis-server is ${version}, and ${oldest} or later is needed`);
  }
  return about(
    'ok',
    `the embedded Redis does not run; "waybill start" and "waybill send" start it (redis-server ${version} is installed)`,
  );
}
