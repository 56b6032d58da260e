import { setImmediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Config } from '../config/config-schema.ts';
import { findChannelDoubts, findCredentialDoubts } from '../config/credential-doubts.ts';
import { parseConfig, readConfigText } from '../config/load-config.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { type SpawnWorker, Supervisor } from '../supervisor/supervisor.ts';
import { WorkerProcess } from '../supervisor/worker-process.ts';
import type { RunningApi } from './api-server.ts';
import { logEmbeddedRedis } from './embedded-redis-log.ts';
import type { Health } from './health.ts';
import type { RunningMonitor } from './monitor-incidents.ts';
import { openRedisAccess, type RedisAccess, releaseShortly } from './redis-access.ts';
import { warnOfAddresses } from './warn-of-addresses.ts';

/** What a worker needs beyond its grace period: to write down what it has, and to let Redis go. */
export const WORKER_END_MS = 15_000;
const WORKER_ENTRY = new URL('../../workers/delivery.js', import.meta.url).pathname;

const NOT_TAKEN = 'configuration not taken: everything goes on as it was';

/** What the service runs with. */
export interface ServiceOptions {
  readonly config: Config;
  /** The text that `config` was read from: every worker is given the same. */
  readonly text: string;
  readonly workers: number;
  readonly logLevel: string;
  readonly log: Logger;
  /** Takes the log lines of the workers: JSON, whole lines. */
  onOutput(lines: string): void;
}

/** Starts the service; it delivers once `started`. @throws WaybillError if the embedded Redis does not start */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { log } = options;
  warnOfCredentials(options.config, log);
  warnOfAddresses(options.config, log);
  const access = await openRedisAccess(options.config, logEmbeddedRedis(log));
  try {
    return new Service(options, access, await openHealth(options, access));
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
  readonly #health: Health | undefined;
  readonly #supervisor: Supervisor;
  #config: Config;
  #api: RunningApi | undefined;
  #incidents: RunningMonitor | undefined;

  constructor(options: ServiceOptions, access: RedisAccess, health: Health | undefined) {
    const { log, config, text, workers: count } = options;
    this.#options = options;
    this.#access = access;
    this.#health = health;
    this.#config = config;
    this.#supervisor = new Supervisor({ count, spawn: this.#spawnWith(text), log });
    this.reload = runOnceMore(() =>
      this.#reload().catch((error: unknown) => {
        const isKnown = error instanceof WaybillError;
        log.error(isKnown ? { code: error.code, reason: error.message } : { err: error }, NOT_TAKEN);
      }),
    );
    this.started = this.#start();
  }

  /** Lets the workers finish what is under way. */
  async stop(): Promise<void> {
    const { shutdownGraceMs } = this.#config;
    await Promise.all([this.#api?.close(shutdownGraceMs), this.#supervisor.stop(longestEnd(this.#config))]);
    await Promise.all([this.#health?.close(), this.#incidents?.stop()]);
    await releaseShortly(this.#access, this.#options.log);
  }

  /** Ends the workers at once. */
  kill(): void {
    this.#supervisor.kill();
  }

  /** Makes workers that run with the configuration that this text says. */
  #spawnWith(text: string): SpawnWorker {
    const { config, logLevel, onOutput } = this.#options;
    return (number) => {
      const settings = { worker: number, file: config.file, text, logLevel };
      const worker = new WorkerProcess(WORKER_ENTRY, settings, onOutput);
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
    const config = this.#config;
    if (config.http !== undefined) {
      // Every command would pay for loading it.
      const { startApi } = await import('./api-server.ts');
      this.#api = await startApi(config, this.#access.location, log);
      // A configuration that was read anew meanwhile found no API to give it to.
      if (this.#config !== config) await this.#api?.reload(this.#config);
    }
    const { monitorIncidents } = await import('./monitor-incidents.ts');
    this.#incidents = monitorIncidents(this.#config, this.#access.location, log);
    log.info({ workers: count }, 'started');
  }

  async #reload(): Promise<void> {
    const { log, workers: count } = this.#options;
    const present = this.#config;
    const text = readConfigText(present.file);
    const config = parseConfig(text, present.file);
    if (!isDeepStrictEqual(config.redis, present.redis) || config.dataDir !== present.dataDir) {
      const change = 'names another redis or dataDir: that needs a restart';
      log.error({ reason: `configuration file ${present.file} ${change}` }, NOT_TAKEN);
      return;
    }
    log.info(describeChange(present, config), 'configuration read anew');
    if (!(await this.#supervisor.replace(this.#spawnWith(text), longestEnd(present)))) return;
    this.#config = config;
    warnOfCredentials(config, log);
    warnOfAddresses(config, log);
    this.#health?.configure(config);
    if (this.#health === undefined && config.metrics !== undefined) log.warn({}, 'metrics need a restart');
    if (this.#api === undefined && config.http !== undefined) log.warn({}, 'an http api needs a restart');
    await this.#api?.reload(config);
    await this.#incidents?.configure(config);
    log.info({ workers: count }, 'workers replaced');
  }
}

/** Logs which credentials are probably not meant as they stand, and not what they are. */
function warnOfCredentials({ clients, incidents }: Config, log: Logger): void {
  for (const doubt of findChannelDoubts(incidents.notify)) {
    log.warn(doubt, 'credential has quotes or blanks around it');
  }
  for (const { name, auth } of Object.values(clients)) {
    for (const { setting, around } of findCredentialDoubts(auth)) {
      log.warn({ client: name, setting, around }, 'credential has quotes or blanks around it');
    }
  }
}

/** How long a worker may take from being asked to stop until it is gone. */
function longestEnd({ shutdownGraceMs }: Config): number {
  return shutdownGraceMs + WORKER_END_MS;
}

/** Serves health and metrics if the configuration says so. @throws WaybillError `METRICS_LISTEN_FAILED` */
async function openHealth(options: ServiceOptions, { location }: RedisAccess): Promise<Health | undefined> {
  const { metrics } = options.config;
  if (metrics === undefined) return undefined;
  // Not imported above: every command would take longer to start.
  const { Health } = await import('./health.ts');
  return Health.start(options, metrics, location);
}

function describeChange(before: Config, after: Config) {
  const names = Object.keys(after.clients);
  const known = names.filter((name) => before.clients[name] !== undefined);
  return {
    added: names.filter((name) => before.clients[name] === undefined),
    changed: known.filter((name) => !isDeepStrictEqual(before.clients[name], after.clients[name])),
    removed: Object.keys(before.clients).filter((name) => after.clients[name] === undefined),
  };
}

/**
 * Runs an action each time that it is asked for, never twice at once. Of several calls that come while it runs,
 * one further run serves all: it begins after each of them.
 *
 * @param action logs its own failure: the runs after it go on
 */
export function runOnceMore(action: () => Promise<void>): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  let isWaiting = false;
  const run = (): Promise<void> => {
    isWaiting = false;
    return action();
  };
  return () => {
    if (!isWaiting) last = last.then(run, run);
    isWaiting = true;
    return last;
  };
}
