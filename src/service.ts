/*
 * Waybill's engine in a process of one's own: all that `waybill start` does, but for its worker processes and signals.
 */

import type { Config, ConfigInput } from './config/config-schema.ts';
import { withTlsContents } from './config/named-tls-files.ts';
import type { Log } from './core/log.ts';
import type { Metric } from './core/metric.ts';
import { every, wallNow } from './core/time.ts';
import { CertificateWatch } from './observability/certificate-watch.ts';
import {
  closeRedis,
  DEFAULT_ANSWER_TIMEOUT_MS,
  firstConnection,
  isConnected,
  openRedis,
  unavailable,
} from './queue/connections.ts';
import type { RedisLocation } from './queue/redis-options.ts';
import type { RunningApi } from './service/api-server.ts';
import { warnOf } from './service/config-news.ts';
import { logEmbeddedRedis } from './service/embedded-redis-log.ts';
import { Engine } from './service/engine.ts';
import { takeConfig } from './service/given-config.ts';
import type { Health } from './service/health.ts';
import { monitorIncidents, type RunningMonitor } from './service/monitor-incidents.ts';
import { openRedisAccess, type RedisAccess, releaseShortly } from './service/redis-access.ts';
import { TlsWatch } from './service/tls-watch.ts';

export { ConfigError, type ConfigProblem } from './config/config-error.ts';
export type { Config, ConfigInput } from './config/config-schema.ts';
export type { Log } from './core/log.ts';
export { WaybillError } from './core/waybill-error.ts';

/** What a service may be given. */
export interface ServiceOptions {
  /** Takes the log lines; left out: nothing is logged. */
  readonly log?: Log;
}

/** A service that delivers, in this process. */
export interface RunningService {
  /**
   * Takes no more events, finishes the requests under way within the configuration's `shutdownGraceMs`, puts the rest
   * back, which costs no attempt, and closes all that it opened. Takes a few seconds more at most, also while Redis is
   * away. Calling it again waits for the same.
   */
  stop(): Promise<void>;
}

/**
 * Delivers to the clients of a configuration, in this process, until it is stopped. It does what the configuration
 * says, as `waybill start` would: retries, dead letters, incidents and their notices, the HTTP API, health and metrics.
 * It sets no handler of signals and never ends the process: a program calls `stop` when it ends. A process that is
 * killed loses no event; another one, or the next, goes on with them.
 *
 * ```ts
 * const service = await startService('waybill.yaml', { log: pino() });
 * process.once('SIGTERM', () => void service.stop());
 * ```
 *
 * Several processes may deliver for one configuration; `concurrency` counts for each of them. A changed configuration
 * is taken by another start. While Redis is away later on, the service waits for it.
 *
 * @param config what `waybill.yaml` would say, as an object, its paths relative to the working directory; a
 *   configuration from `loadConfig` or `parseConfig`; or the path of a file. Without a `redis.url` it uses the
 *   embedded Redis of the data directory, and starts it if it does not run.
 * @returns resolves when it delivers
 * @throws ConfigError; WaybillError `REDIS_UNAVAILABLE` if Redis cannot be reached now (ten seconds at most), other
 *   `REDIS_...` if the embedded one does not start, `HTTP_LISTEN_FAILED`, `METRICS_LISTEN_FAILED`. Nothing stays open.
 */
export function startService(
  config: Config | ConfigInput | string,
  options?: ServiceOptions,
): Promise<RunningService>;
// The compiler tells what is wrong by the last of these.
export function startService(config: ConfigInput | string, options?: ServiceOptions): Promise<RunningService>;
export async function startService(
  config: Config | ConfigInput | string,
  { log = SILENT }: ServiceOptions = {},
): Promise<RunningService> {
  const service = new InProcess(takeConfig(config, 'read'), withoutCommands(log));
  try {
    await service.start();
  } catch (error) {
    await service.stop();
    throw error;
  }
  let stopping: Promise<void> | undefined;
  return { stop: () => (stopping ??= service.stop()) };
}

const LOOK_EVERY_MS = 30_000;

/** The parts of a service, each of which is there once it has been opened. */
class InProcess {
  readonly #log: Log;
  readonly #certificates: CertificateWatch;
  readonly #tlsWatch: TlsWatch;
  /** With the latest contents of its TLS files. */
  #config: Config;
  #access: RedisAccess | undefined;
  #engine: Engine | undefined;
  #api: RunningApi | undefined;
  #health: Health | undefined;
  #incidents: RunningMonitor | undefined;
  #stopLooking: (() => Promise<void>) | undefined;

  constructor(config: Config, log: Log) {
    this.#config = config;
    this.#log = log;
    this.#certificates = new CertificateWatch(log, wallNow);
    this.#tlsWatch = new TlsWatch(log);
  }

  async start(): Promise<void> {
    const config = this.#config;
    const log = this.#log;
    warnOf(config, log);
    this.#certificates.configure(config);
    this.#access = await openRedisAccess(config, logEmbeddedRedis(log));
    const { location } = this.#access;
    await expectRedis(location);
    this.#engine = new Engine({
      ...{ config, redis: location, log },
      onPeerCertificates: (...shown) => this.#certificates.seen(...shown),
    });
    await this.#engine.start();
    await this.#openHealth(this.#engine, location);
    if (config.http !== undefined) {
      // Most programs that embed the engine have a server of their own.
      const { startApi } = await import('./service/api-server.ts');
      this.#api = await startApi(config, location, log);
    }
    this.#incidents = monitorIncidents(config, location, log);
    this.#stopLooking = every(LOOK_EVERY_MS, async () => {
      this.#lookAtTls();
      this.#certificates.judge();
    });
    log.info({ workers: 1 }, 'started');
  }

  async stop(): Promise<void> {
    const graceMs = this.#config.shutdownGraceMs;
    void this.#stopLooking?.();
    await Promise.all([this.#api?.close(graceMs), this.#engine?.stop(graceMs)]);
    await Promise.all([this.#health?.close(), this.#incidents?.stop()]);
    if (this.#access !== undefined) await releaseShortly(this.#access, this.#log);
    this.#log.info({}, 'stopped');
  }

  /** Serves health and metrics if the configuration says so. @throws WaybillError `METRICS_LISTEN_FAILED` */
  async #openHealth({ meter }: Engine, location: RedisLocation): Promise<void> {
    const { metrics } = this.#config;
    if (metrics === undefined) return;
    const { Health } = await import('./service/health.ts');
    const { describeDeliveries } = await import('./observability/delivery-metrics.ts');
    const parts = { config: this.#config, workers: 1, log: this.#log, certificates: this.#certificates };
    this.#health = await Health.start(parts, metrics, location);
    let latestReport: readonly Metric[] = [];
    this.#health.add({
      ready: Promise.resolve(),
      exit: new Promise(() => {}),
      get latestReport() {
        return latestReport;
      },
      async askReport() {
        latestReport = describeDeliveries(meter);
        return true;
      },
    });
  }

  /** Uses new contents of TLS files for new connections; what is not sound changes nothing. */
  #lookAtTls(): void {
    const contents = this.#tlsWatch.look(this.#config);
    if (contents.size === 0) return;
    const { config, changed } = withTlsContents(this.#config, contents);
    this.#config = config;
    this.#certificates.configure(config);
    for (const client of changed) this.#engine?.renewTls(client);
    const clients = changed.map(({ name }) => name);
    this.#log.info({ clients, files: [...contents.keys()] }, 'new TLS files taken');
  }
}

/** Fails at once, or after ten seconds of silence. @throws WaybillError `REDIS_UNAVAILABLE` */
async function expectRedis(location: RedisLocation): Promise<void> {
  const redis = openRedis(location, 'intake', () => {});
  try {
    await firstConnection(redis, DEFAULT_ANSWER_TIMEOUT_MS);
    if (!isConnected(redis)) throw unavailable(redis);
  } finally {
    closeRedis(redis);
  }
}

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {}, isLevelEnabled: () => false };

/** The same log, whose errors are as `withoutCommand` makes them: loggers write all that hangs on one. */
function withoutCommands(log: Log): Log {
  const plain = (fields: object): object =>
    'err' in fields ? { ...fields, err: withoutCommand(fields.err) } : fields;
  return {
    debug: (fields, message) => log.debug(plain(fields), message),
    info: (fields, message) => log.info(plain(fields), message),
    warn: (fields, message) => log.warn(plain(fields), message),
    error: (fields, message) => log.error(plain(fields), message),
    isLevelEnabled: (level) => log.isLevelEnabled(level),
  };
}

/** Causes of causes are kept so deep. */
const MOST_CAUSES = 5;

/** The same error, but for what ioredis hangs on its own: the command with its arguments, events and tokens. */
function withoutCommand(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, stack, cause, code } = error as NodeJS.ErrnoException;
  const options =
    cause === undefined || depth === MOST_CAUSES ? {} : { cause: withoutCommand(cause, depth + 1) };
  const plain = new Error(message, options);
  return Object.assign(plain, { name, stack, ...(code === undefined ? {} : { code }) });
}
