import { ConfigError } from '../config/config-error.ts';
import { type Config, tlsMaterialOf } from '../config/config-schema.ts';
import { readTlsSection } from '../config/tls-files.ts';
import type { Log } from '../core/log.ts';
import { atMost } from '../core/time.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { closeRedis, openRedis } from '../queue/connections.ts';
import type { RedisLocation } from '../queue/redis-options.ts';
import { countServices } from '../queue/stored-clients.ts';
import type { EmbeddedRedisEvent } from '../redis/attach.ts';
import { type EmbeddedRedis, findEmbeddedRedis, startEmbeddedRedis } from '../redis/embedded.ts';

/** How long a stop waits for the embedded Redis to be released. */
const RELEASE_MS = 3_000;
/** How long a start waits for Redis to say who else delivers. */
const COUNT_MS = 1_000;
/** How long a stop waits for a start that is under way. */
const BEGIN_MS = 3_000;

/** Where a configuration's Redis is, for as long as it is needed. */
export interface RedisAccess {
  readonly location: RedisLocation;
  /** Ends the use: the last user of an embedded Redis stops it. */
  release(): Promise<void>;
}

/**
 * The Redis of the configuration, or the embedded one, which is started if it does not run.
 *
 * @param onEvent told what happens to the embedded one meanwhile
 */
export async function openRedisAccess(
  config: Config,
  onEvent: (event: EmbeddedRedisEvent) => void = () => {},
): Promise<RedisAccess> {
  return configured(config) ?? leased(await startEmbeddedRedis({ dataDir: config.dataDir, onEvent }));
}

/**
 * As `openRedisAccess`, but for commands that only look: it starts nothing.
 *
 * @throws WaybillError `REDIS_NOT_RUNNING`
 */
export async function findRedisAccess(config: Config): Promise<RedisAccess> {
  const { dataDir } = config;
  const access = configured(config) ?? leased(await findEmbeddedRedis({ dataDir }));
  if (access !== undefined) return access;
  throw new WaybillError(
    'REDIS_NOT_RUNNING',
    `no Redis runs in ${dataDir}: "waybill start" starts it; what was queued there is kept`,
  );
}

function leased<Found extends EmbeddedRedis | undefined>(embedded: Found) {
  return embedded && { location: { socketPath: embedded.socketPath }, release: () => embedded.release() };
}

/** @throws ConfigError if a TLS file cannot be used */
function configured({ redis, directory, file }: Config): RedisAccess | undefined {
  if (redis === undefined) return undefined;
  const { tls, acknowledgedBy: _, ...servers } = redis;
  const release = async (): Promise<void> => {};
  if (tls === undefined) return { location: servers, release };
  const { files, issues } = readTlsSection(tls, directory);
  const [issue] = issues;
  if (issue !== undefined) {
    const path = ['$.redis.tls', ...issue.keys].join('.');
    throw new ConfigError(file, [{ path, message: issue.message }]);
  }
  return { location: { ...servers, tls: tlsMaterialOf(tls, files) }, release };
}

/** Says, as information, if worker processes beside one's own deliver from this Redis. */
export async function tellOfOthers({ location }: RedisAccess, own: number, log: Log): Promise<void> {
  const redis = openRedis(location, 'operator', () => {});
  const all = (await atMost(COUNT_MS, countServices(redis))) ?? own;
  closeRedis(redis);
  if (all > own) log.info({ workers: all - own }, 'another service delivers already from this Redis');
}

/** A server that does not answer is left running for the next user: a stop does not wait for it. */
export async function releaseShortly(access: RedisAccess, log: Log): Promise<void> {
  try {
    const isReleased = await atMost(
      RELEASE_MS,
      access.release().then(() => true),
    );
    if (!isReleased) log.warn({}, 'embedded redis does not answer and is left running');
  } catch (error) {
    log.warn({ err: error }, 'embedded redis could not be stopped');
  }
}

/** What a stop met while it started: an embedded Redis that comes up now has to be released. */
export async function shortlyBegun<Running>(
  config: Config,
  starting: Promise<Running>,
): Promise<Running | undefined> {
  if (config.redis !== undefined) return undefined;
  return atMost(
    BEGIN_MS,
    starting.catch(() => undefined),
  );
}
