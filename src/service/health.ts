import { type Redis, ReplyError } from 'ioredis';
import type { Logger } from 'pino';
import type { Config } from '../config/config-schema.ts';
import { type Metric, metric } from '../core/metric.ts';
import { every } from '../core/time.ts';
import { type HealthAnswers, startHealthServer } from '../observability/health-server.ts';
import { collectProcessMetrics, nameProcess } from '../observability/process-metrics.ts';
import { describeQueues } from '../observability/queue-metrics.ts';
import { oneAtATime, QueueMonitor } from '../observability/queue-monitor.ts';
import { judgeReadiness } from '../observability/readiness.ts';
import { Watchdog } from '../observability/watchdog.ts';
import { type ReportingWorker, toText, WorkersMetrics } from '../observability/workers-metrics.ts';
import { readClientViews, type ViewedClient } from '../queue/client-view.ts';
import { closeRedis, openRedis, type RedisLocation, whyAway } from '../queue/connections.ts';
import { VERSION } from '../version.ts';

/** How long a worker, and Redis, may take to answer. */
const ANSWER_MS = 2_000;
/** How old a reading of the queues may be for readiness, which many ask for, and often. */
const READY_AGE_MS = 500;
/** The longest wait between two readings of the queues, and of the workers' counts. */
const POLL_EVERY_MS = 10_000;

/** A service's health and metrics, served over HTTP. */
export interface Health {
  /** From now on this worker is asked and counted. */
  add(worker: ReportingWorker): void;
  /** The configuration was read anew. */
  configure(config: Config): void;
  close(): Promise<void>;
}

/** Where they are served, and what they are judged by. */
export type HealthSettings = NonNullable<Config['metrics']>;

/** What they are served with. */
export interface HealthParts {
  readonly settings: HealthSettings;
  readonly config: Config;
  readonly redis: RedisLocation;
  /** How many worker processes there ought to be. */
  readonly workers: number;
  readonly log: Logger;
}

/**
 * Serves health and metrics.
 *
 * @throws WaybillError `METRICS_LISTEN_FAILED`
 */
export async function startHealth(parts: HealthParts): Promise<Health> {
  const { log } = parts;
  const address = parts.settings;
  const sources = openSources(parts);
  try {
    const server = await startHealthServer(address, answersOf(sources, parts.workers));
    log.info({ host: server.host, port: server.port }, 'metrics served');
    return {
      add: (worker) => sources.workers.add(worker),
      configure(config) {
        const { host, port } = config.metrics ?? {};
        if (host !== address.host || port !== address.port) {
          log.warn({ host: server.host, port: server.port }, 'another address of metrics needs a restart');
        }
        sources.settings = config.metrics ?? sources.settings;
        sources.clients = Object.values(config.clients);
      },
      async close() {
        await server.close();
        sources.stop();
      },
    };
  } catch (error) {
    sources.stop();
    throw error;
  }
}

/** What the answers are made from; `configure` changes the first two. */
interface Sources {
  settings: HealthSettings;
  clients: readonly ViewedClient[];
  readonly workers: WorkersMetrics;
  readonly watchdog: Watchdog;
  readonly monitor: QueueMonitor;
  stop(): void;
}

function openSources({ settings, config, redis: location, log }: HealthParts): Sources {
  // As an intake's connection it fails at once if Redis is away, and gives up if Redis is silent.
  const redis = openRedis(location, 'intake', () => {}, { answerTimeoutMs: ANSWER_MS });
  const workers = new WorkersMetrics();
  const watchdog = new Watchdog(log, () => sources.settings.untakenMs);
  const monitor = new QueueMonitor(() => readQueues(redis, sources.clients), ANSWER_MS, watchdog);
  // Workers are asked regularly for their counts, so that little is lost with a killed one.
  const stopCollecting = every(POLL_EVERY_MS, () => workers.collect(ANSWER_MS));
  const sources: Sources = {
    settings,
    clients: Object.values(config.clients),
    workers,
    watchdog,
    monitor,
    stop() {
      void stopCollecting();
      stopMonitoring();
      closeRedis(redis);
    },
  };
  const stopMonitoring = monitor.start(() => Math.min(POLL_EVERY_MS, sources.settings.untakenMs / 4));
  return sources;
}

/** @throws Error whose message an operator understands: that of the connection speaks of its settings */
async function readQueues(redis: Redis, clients: readonly ViewedClient[]) {
  try {
    return await readClientViews(redis, clients);
  } catch (error) {
    throw error instanceof ReplyError ? error : new Error(whyAway(redis), { cause: error });
  }
}

function answersOf(sources: Sources, wanted: number): HealthAnswers {
  const { workers, watchdog, monitor } = sources;
  return {
    metrics: oneAtATime(async () => {
      const [collected, reading, own] = await Promise.all([
        workers.collect(ANSWER_MS),
        monitor.read(0),
        collectProcessMetrics(),
      ]);
      const { alive, lost } = workers;
      const service = describeService(reading.ok, { alive, wanted, lost, silent: collected.silent });
      const queues = reading.ok ? describeQueues(reading.views, watchdog.untaken) : [];
      return toText([service, queues, ...collected.metrics, nameProcess(own, 'supervisor')]);
    }),
    async readiness() {
      const reading = await monitor.read(READY_AGE_MS);
      return judgeReadiness({
        reading,
        workers: { alive: workers.alive, wanted },
        untaken: watchdog.untaken,
        oldestWaitingMs: sources.settings.oldestWaitingMs,
      });
    },
  };
}

type WorkerCounts = Readonly<Record<'alive' | 'wanted' | 'silent' | 'lost', number>>;

/** The service itself, as metrics. */
function describeService(redisUp: boolean, { alive, wanted, silent, lost }: WorkerCounts): Metric[] {
  const one = (type: Metric['type'], name: string, help: string, value: number, labels = {}): Metric =>
    metric(type, name, help, [{ labels, value }]);
  return [
    one('gauge', 'waybill_build_info', 'The version, as a label.', 1, { version: VERSION }),
    one('gauge', 'waybill_redis_up', '1 if Redis told of the queues for this scrape.', Number(redisUp)),
    one('gauge', 'waybill_workers', 'Worker processes that deliver.', alive),
    one('gauge', 'waybill_workers_wanted', 'Worker processes that ought to.', wanted),
    one('gauge', 'waybill_workers_silent', 'Workers that did not report for this scrape in time.', silent),
    one('counter', 'waybill_workers_lost_total', 'Worker processes that did not end in good order.', lost),
  ];
}
