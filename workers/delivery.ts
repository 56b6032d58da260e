import { pathToFileURL } from 'node:url';
import type { Logger } from 'pino';
import type { Config } from '../src/config/config-schema.ts';
import { loadConfig, parseConfig } from '../src/config/load-config.ts';
import { withTlsContents } from '../src/config/named-tls-files.ts';
import type { EndpointDurations } from '../src/core/delivery-meter.ts';
import type { Metric } from '../src/core/metric.ts';
import { atMost } from '../src/core/time.ts';
import { WaybillError } from '../src/core/waybill-error.ts';
import { bufferedStdout, createLog } from '../src/log.ts';
import { describeDeliveries } from '../src/observability/delivery-metrics.ts';
import { collectProcessMetrics } from '../src/observability/process-metrics.ts';
import type { EmbeddedRedisEvent } from '../src/redis/attach.ts';
import { logEmbeddedRedis, logOwnDeeds } from '../src/service/embedded-redis-log.ts';
import { type Engine, type OnPeerCertificates, startEngine } from '../src/service/engine.ts';
import { endOnCrash, onLostOutput, stopSignal } from '../src/service/lifecycle.ts';
import { openRedisAccess, releaseShortly, shortlyBegun } from '../src/service/redis-access.ts';
import type { FromWorker, TlsContent, ToWorker } from '../src/supervisor/worker-process.ts';

/** How long the end waits for a supervisor that does not read. */
const LAST_REPORT_MS = 1_000;
/** How often a supervisor is told how long attempts took. */
const TELL_DURATIONS_MS = 2_000;

/** Delivery workers that run, until they are stopped. */
export interface DeliveryWorkers {
  /** What they have counted since their start. */
  report(): Metric[];
  /** How long attempts took since this was asked last, by endpoint. */
  takeDurations(): EndpointDurations[];
  /** Opens connections with these contents of TLS files, which are sound, from now on. */
  renewTls(contents: readonly TlsContent[]): void;
  /** Finishes the requests under way within the configured grace period and puts the rest back. */
  stop(): Promise<void>;
}

/**
 * Runs the delivery workers of all clients in this process.
 *
 * @param onRedisEvent told what happens to an embedded Redis
 * @param onPeerCertificates told which certificates servers have shown
 */
export async function runDeliveryWorkers(
  config: Config,
  log: Logger,
  onRedisEvent: (event: EmbeddedRedisEvent) => void = logEmbeddedRedis(log),
  onPeerCertificates?: OnPeerCertificates,
): Promise<DeliveryWorkers> {
  const access = await openRedisAccess(config, onRedisEvent);
  let engine: Engine;
  try {
    engine = await startEngine({ config, redis: access.location, log, onPeerCertificates });
  } catch (error) {
    await access.release();
    throw error;
  }
  let present = config;
  return {
    report: () => describeDeliveries(engine.meter),
    takeDurations: () => engine.meter.takeDurations(),
    renewTls(contents) {
      const renewed = withTlsContents(present, new Map(contents));
      present = renewed.config;
      for (const client of renewed.changed) engine.renewTls(client);
    },
    async stop() {
      await engine.stop(config.shutdownGraceMs);
      await releaseShortly(access, log);
    },
  };
}

/** What a worker process runs with, and what asks it to stop. */
interface Order {
  readonly config: Config;
  readonly logLevel: string;
  /** Its number among those of its supervisor; undefined: it has none. */
  readonly worker: number | undefined;
  readonly stopped: Promise<string>;
  /** Told of new contents of TLS files, also of those that came before. */
  onTlsContents(take: (contents: readonly TlsContent[]) => void): void;
}

/** As a process of its own: `node dist/workers/delivery.js waybill.yaml`. */
function orderFromArguments(file: string): Order {
  const logLevel = process.env['WAYBILL_LOG_LEVEL'] ?? 'info';
  const stopped = stopSignal();
  return { config: loadConfig(file), logLevel, worker: undefined, stopped, onTlsContents() {} };
}

/**
 * As a supervisor's: it says what to run. A terminal's Ctrl-C, and a service manager's SIGTERM, reach all processes
 * at once: none of them is a second signal here. A supervisor that is gone leaves nothing to work for.
 */
async function orderFromSupervisor(): Promise<Order> {
  const stopped = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
    onLostOutput(() => resolve('SIGPIPE'));
    process.on('SIGHUP', () => {}); // it is the supervisor's to read the configuration anew
    process.on('disconnect', () => resolve('service gone'));
    process.on('message', ({ kind }: ToWorker) => {
      if (kind === 'stop') resolve('asked by the service');
    });
  });
  // They may come while the workers begin.
  const early: TlsContent[] = [];
  let take = (contents: readonly TlsContent[]): void => void early.push(...contents);
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'tls') take(message.contents);
  });
  const run = await new Promise<ToWorker & { kind: 'run' }>((resolve) => {
    process.on('message', (message: ToWorker) => {
      if (message.kind === 'run') resolve(message);
    });
  });
  const { text, file, tlsContents, logLevel, worker } = run;
  const config = parseConfig(text, file, undefined, tlsContents);
  const onTlsContents: Order['onTlsContents'] = (next) => {
    take = next;
    next(early);
  };
  return { config, logLevel, worker, stopped, onTlsContents };
}

/** A supervisor is told why it does not work: the same configuration will not work the next time. */
async function begin({ config, worker }: Order, log: Logger): Promise<DeliveryWorkers> {
  try {
    if (worker === undefined) return await runDeliveryWorkers(config, log);
    return await runDeliveryWorkers(config, log, logOwnDeeds(log), (client, peer, chain) => {
      const shown: FromWorker = { kind: 'peer', client, peer, chain };
      if (process.connected) process.send?.(shown, undefined, undefined, () => {});
    });
  } catch (error) {
    if (error instanceof WaybillError) {
      const { code, message } = error;
      process.send?.({ kind: 'failed', code, message } satisfies FromWorker);
    }
    throw error;
  }
}

/** Tells a supervisor what the workers have counted whenever it asks. @returns what tells it once more, at the end */
function keepReporting(workers: DeliveryWorkers): () => Promise<void> {
  const tell = async (metrics: readonly Metric[]): Promise<void> => {
    const report: FromWorker = { kind: 'report', metrics };
    await new Promise<void>((resolve) => {
      // A supervisor that is gone misses nothing any more.
      if (process.connected) process.send?.(report, undefined, undefined, () => resolve());
      else resolve();
    });
  };
  process.on('message', ({ kind }: ToWorker) => {
    if (kind !== 'report') return;
    void collectProcessMetrics().then((metrics) => tell([...workers.report(), ...metrics]));
  });
  return async () => {
    await atMost(LAST_REPORT_MS, tell(workers.report()));
  };
}

/** An endpoint that nothing was sent to is not told of. */
function keepTellingDurations(workers: DeliveryWorkers): void {
  const tell = (): void => {
    const durations = workers.takeDurations();
    if (durations.length === 0 || !process.connected) return;
    process.send?.({ kind: 'durations', durations } satisfies FromWorker, undefined, undefined, () => {});
  };
  setInterval(tell, TELL_DURATIONS_MS).unref();
}

async function main(file: string | undefined): Promise<void> {
  endOnCrash();
  const isSupervised = process.send !== undefined && file === undefined;
  const order = isSupervised ? await orderFromSupervisor() : orderFromArguments(file ?? 'waybill.yaml');
  const { config, logLevel, worker, stopped } = order;
  const destination = bufferedStdout();
  const log = createLog({ level: logLevel, destination, worker });
  const starting = begin(order, log);
  // A stop may come while Redis is still waited for: then nothing is under way.
  const workers = await Promise.race([starting, stopped.then(() => undefined)]);
  const reportLast = workers && keepReporting(workers);
  if (isSupervised && workers !== undefined && config.http !== undefined) keepTellingDurations(workers);
  if (workers !== undefined) {
    order.onTlsContents(workers.renewTls);
    // The service says `started` when it has shown what its workers said before.
    destination.flush();
    process.send?.({ kind: 'ready' } satisfies FromWorker);
  }
  const why = await stopped;
  log.info({ why }, 'stopping');
  await (workers ?? (await shortlyBegun(config, starting)))?.stop();
  await reportLast?.();
  log.info({}, 'stopped');
  // Whatever still holds the event loop, the channel to the supervisor above all, has nothing left to do.
  process.exit(why === 'SIGPIPE' ? 1 : 0);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv[2]);
