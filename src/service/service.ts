import { setImmediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Config } from '../config/config-schema.ts';
import { parseConfig, readConfigText } from '../config/load-config.ts';
import { tlsContentsOf, withTlsContents } from '../config/named-tls-files.ts';
import { every, runOnceMore } from '../core/time.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { CertificateWatch } from '../observability/certificate-watch.ts';
import { DurationSums } from '../observability/endpoint-history.ts';
import { type SpawnWorker, Supervisor } from '../supervisor/supervisor.ts';
import { WorkerProcess } from '../supervisor/worker-process.ts';
import type { RunningApi } from './api-server.ts';
import { describeChange, noteReload, warnOf, warnOfRestart } from './config-news.ts';
import { logEmbeddedRedis } from './embedded-redis-log.ts';
import type { Health } from './health.ts';
import type { RunningMonitor } from './monitor-incidents.ts';
import { openRedisAccess, type RedisAccess, releaseShortly, tellOfOthers } from './redis-access.ts';
import { TlsWatch } from './tls-watch.ts';

/** What a worker needs beyond its grace period: to write down what it has, and to let Redis go. */
export const WORKER_END_MS = 15_000;
const WORKER_ENTRY = new URL('../../workers/delivery.js', import.meta.url).pathname;
const LOOK_EVERY_MS = 30_000;

const NOT_TAKEN = 'configuration not taken: everything goes on as it was';

/** What the service runs with. */
export interface ServiceOptions {
  readonly config: Config;
  /** The text that `config` was read from: every worker is given the same. */
  readonly text: string;
  readonly workers: number;
  readonly logLevel: string;
  readonly log: Logger;
  /** Ms since the epoch, which certificates end by. */
  readonly now: () => number;
  /** How often TLS files are looked at, in milliseconds; default: 30,000. */
  readonly lookEveryMs?: number;
  /** Takes the log lines of the workers: JSON, whole lines. */
  onOutput(lines: string): void;
}

/** What the service runs with now: the configuration has the latest contents of its TLS files. */
interface Present {
  readonly text: string;
  config: Config;
}

/** Starts the service; it delivers once `started`. @throws WaybillError if the embedded Redis does not start */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { log, now } = options;
  warnOf(options.config, log);
  const certificates = new CertificateWatch(log, now);
  certificates.configure(options.config);
  const access = await openRedisAccess(options.config, logEmbeddedRedis(log));
  try {
    return new Service(options, access, certificates, await openHealth(options, access, certificates));
  } catch (error) {
    await access.release();
    throw error;
  }
}

/** The service: its worker processes, and the Redis that they share. */
export class Service {
  /** Resolves when the workers deliver. @throws WaybillError if they cannot begin */
  readonly started: Promise<void>;
  /** Reads the configuration file anew and replaces the workers one by one; a broken file changes nothing. */
  readonly reload: () => Promise<void>;
  readonly #options: ServiceOptions;
  readonly #access: RedisAccess;
  readonly #certificates: CertificateWatch;
  readonly #health: Health | undefined;
  readonly #supervisor: Supervisor;
  readonly #tlsWatch: TlsWatch;
  readonly #durations = new DurationSums();
  readonly #stopLooking: () => Promise<void>;
  /** All that have not ended. */
  readonly #workers = new Set<WorkerProcess>();
  #present: Present;
  #isReloading = false;
  #api: RunningApi | undefined;
  #incidents: RunningMonitor | undefined;

  constructor(
    options: ServiceOptions,
    access: RedisAccess,
    certificates: CertificateWatch,
    health: Health | undefined,
  ) {
    const { log, config, text, workers: count, lookEveryMs = LOOK_EVERY_MS } = options;
    this.#options = options;
    this.#access = access;
    this.#certificates = certificates;
    this.#health = health;
    this.#present = { text, config };
    this.#tlsWatch = new TlsWatch(log);
    this.#supervisor = new Supervisor({ count, spawn: this.#spawnWith(this.#present), log });
    this.#stopLooking = every(lookEveryMs, async () => {
      if (!this.#isReloading) this.#lookAtTls();
      certificates.judge();
    });
    this.reload = runOnceMore(async () => {
      this.#isReloading = true;
      try {
        await this.#reload();
      } catch (error) {
        const isKnown = error instanceof WaybillError;
        log.error(isKnown ? { code: error.code, reason: error.message } : { err: error }, NOT_TAKEN);
      }
      this.#isReloading = false;
    });
    this.started = this.#start();
  }

  /** Lets the workers finish what is under way. */
  async stop(): Promise<void> {
    void this.#stopLooking();
    const { config } = this.#present;
    await Promise.all([this.#api?.close(config.shutdownGraceMs), this.#supervisor.stop(longestEnd(config))]);
    await Promise.all([this.#health?.close(), this.#incidents?.stop()]);
    await releaseShortly(this.#access, this.#options.log);
  }

  /** Ends the workers at once. */
  kill(): void {
    this.#supervisor.kill();
  }

  /** Has the workers use new contents of TLS files for new connections; what is not sound changes nothing. */
  #lookAtTls(): void {
    const contents = this.#tlsWatch.look(this.#present.config);
    if (contents.size === 0) return;
    const { config, changed } = withTlsContents(this.#present.config, contents);
    this.#present.config = config;
    this.#certificates.configure(config);
    this.#api?.renewTls(config);
    for (const worker of this.#workers) worker.renewTls([...contents]);
    const clients = changed.map(({ name }) => name);
    this.#options.log.info({ clients, files: [...contents.keys()] }, 'new TLS files taken');
  }

  /** Makes workers that run with this configuration, and with what its TLS files hold by then. */
  #spawnWith(present: Present): SpawnWorker {
    const { logLevel, onOutput } = this.#options;
    return (number) => {
      const { text, config } = present;
      const tlsContents = [...tlsContentsOf(config)];
      const settings = { worker: number, file: config.file, text, tlsContents, logLevel };
      const worker = new WorkerProcess(WORKER_ENTRY, settings, onOutput, {
        peer: ({ client, peer, chain }) => this.#certificates.seen(client, peer, chain),
        durations: (durations) => this.#durations.add(durations),
      });
      this.#workers.add(worker);
      void worker.exit.then(() => this.#workers.delete(worker));
      this.#health?.add(worker);
      return worker;
    };
  }

  async #start(): Promise<void> {
    const { log, workers: count } = this.#options;
    const failure = await this.#supervisor.start();
    if (failure !== undefined) throw new WaybillError(failure.code, failure.message);
    // Their lines and their messages come over different pipes: both are read by the end of this turn.
    await setImmediate();
    const { config } = this.#present;
    if (config.http !== undefined) {
      // Every command would pay for loading it.
      const { startApi } = await import('./api-server.ts');
      const polling = { askLatencies: () => this.#durations.take() };
      this.#api = await startApi(config, this.#access.location, log, { polling });
      // A configuration that was read anew meanwhile found no API to give it to.
      if (this.#present.config !== config) await this.#api?.reload(this.#present.config);
    }
    const { monitorIncidents } = await import('./monitor-incidents.ts');
    this.#incidents = monitorIncidents(this.#present.config, this.#access.location, log);
    await tellOfOthers(this.#access, count, log);
    log.info({ workers: count }, 'started');
  }

  /** TLS files that cannot be used as they are keep their present contents, as between reloads. @throws ConfigError */
  #read(text: string): Config {
    const { file } = this.#present.config;
    try {
      return parseConfig(text, file);
    } catch {
      this.#lookAtTls();
      return parseConfig(text, file, undefined, tlsContentsOf(this.#present.config));
    }
  }

  async #reload(): Promise<void> {
    const { log, workers: count } = this.#options;
    const text = readConfigText(this.#present.config.file);
    const config = this.#read(text);
    const present = this.#present.config;
    if (!isDeepStrictEqual(config.redis, present.redis) || config.dataDir !== present.dataDir) {
      const change = 'names another redis or dataDir: that needs a restart';
      log.error({ reason: `configuration file ${present.file} ${change}` }, NOT_TAKEN);
      return;
    }
    log.info(describeChange(present, config), 'configuration read anew');
    const next: Present = { text, config };
    if (!(await this.#supervisor.replace(this.#spawnWith(next), longestEnd(present)))) return;
    this.#present = next;
    warnOf(config, log);
    this.#certificates.configure(config);
    this.#health?.configure(config);
    warnOfRestart(config, { health: this.#health, api: this.#api }, log);
    await Promise.all([this.#api?.reload(config), this.#incidents?.configure(config)]);
    log.info({ workers: count }, 'workers replaced');
    await noteReload(present, config, this.#access.location, log);
  }
}

/** How long a worker may take from being asked to stop until it is gone. */
function longestEnd({ shutdownGraceMs }: Config): number {
  return shutdownGraceMs + WORKER_END_MS;
}

/** Serves health and metrics if the configuration says so. @throws WaybillError `METRICS_LISTEN_FAILED` */
async function openHealth(
  options: ServiceOptions,
  { location }: RedisAccess,
  certificates: CertificateWatch,
): Promise<Health | undefined> {
  const { metrics } = options.config;
  if (metrics === undefined) return undefined;
  // Not imported above: every command would take longer to start.
  const { Health } = await import('./health.ts');
  return Health.start({ ...options, certificates }, metrics, location);
}
