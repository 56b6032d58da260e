import { ReplyError } from 'ioredis';
import type { Config } from '../config/config-schema.ts';
import type { Log } from '../core/log.ts';
import { type Metric, metric } from '../core/metric.ts';
import { every } from '../core/time.ts';
import type { CertificateWatch } from '../observability/certificate-watch.ts';
import { startHealthServer } from '../observability/health-server.ts';
import { collectProcessMetrics, nameProcess } from '../observability/process-metrics.ts';
import { describeQueues } from '../observability/queue-metrics.ts';
import { oneAtATime, QueueMonitor } from '../observability/queue-monitor.ts';
import { judgeReadiness, type Readiness } from '../observability/readiness.ts';
import { Watchdog } from '../observability/watchdog.ts';
import { type ReportingWorker, toText, WorkersMetrics } from '../observability/workers-metrics.ts';
import { readViewsInReach, type ViewedClient } from '../queue/client-view.ts';
import { closeRedis, openRedis, whyAway } from '../queue/connections.ts';
import type { RedisLocation } from '../queue/redis-options.ts';
import type { Connection } from '../queue/servers.ts';
import { VERSION } from '../version.ts';

/** How long a worker, and Redis, may take to answer. */
const ANSWER_MS = 2_000;
/** A silent server of a Cluster is left after that time: the others have answered by then. */
const READ_MS = ANSWER_MS + 500;
/** How old a reading of the queues may be for readiness, which many ask for, and often. */
const READY_AGE_MS = 500;
/** The longest wait between two readings of the queues, and of the workers' counts. */
const POLL_EVERY_MS = 10_000;

/** Where health and metrics are served, and what they are judged by. */
type Settings = NonNullable<Config['metrics']>;
/** What of a service they are about; `workers`: how many worker processes there ought to be. */
interface Parts {
  readonly config: Config;
  readonly workers: number;
  readonly log: Log;
  readonly certificates: Pick<CertificateWatch, 'describe'>;
}

/** A service's health and metrics, served over HTTP. */
export class Health {
  readonly #parts: Parts;
  readonly #address: Settings;
  readonly #workers = new WorkersMetrics();
  readonly #redis: Connection;
  readonly #watchdog: Watchdog;
  readonly #monitor: QueueMonitor;
  readonly #stopCollecting: () => Promise<void>;
  readonly #stopMonitoring: () => void;
  #settings: Settings;
  #clients: readonly ViewedClient[];
  #server: Awaited<ReturnType<typeof startHealthServer>> | undefined;

  private constructor(parts: Parts, settings: Settings, redis: RedisLocation) {
    const { config, log } = parts;
    this.#parts = parts;
    this.#address = settings;
    this.#settings = settings;
    this.#clients = Object.values(config.clients);
    // As an intake's connection it fails at once if Redis is away, and gives up if Redis is silent.
    this.#redis = openRedis(redis, 'intake', () => {}, { answerTimeoutMs: ANSWER_MS });
    this.#watchdog = new Watchdog(log, () => this.#settings.untakenMs);
    const readViews = () => readQueues(this.#redis, this.#clients);
    this.#monitor = new QueueMonitor(readViews, READ_MS, this.#watchdog);
    this.#stopMonitoring = this.#monitor.start(() => Math.min(POLL_EVERY_MS, this.#settings.untakenMs / 4));
    // Workers are asked regularly for their counts, so that little is lost with a killed one.
    this.#stopCollecting = every(POLL_EVERY_MS, () => this.#workers.collect(ANSWER_MS));
  }

  /** @throws WaybillError `METRICS_LISTEN_FAILED` */
  static async start(parts: Parts, settings: Settings, redis: RedisLocation): Promise<Health> {
    const health = new Health(parts, settings, redis);
    const answers = {
      metrics: oneAtATime(() => health.#metrics()),
      readiness: () => health.#readiness(),
    };
    try {
      health.#server = await startHealthServer(settings, answers);
    } catch (error) {
      await health.close();
      throw error;
    }
    const { host, port } = health.#server;
    parts.log.info({ host, port }, 'metrics served');
    return health;
  }

  /** From now on this worker is asked and counted. */
  add(worker: ReportingWorker): void {
    this.#workers.add(worker);
  }

  /** The configuration was read anew. */
  configure({ metrics, clients }: Config): void {
    const { host, port } = this.#server ?? {};
    if (metrics?.host !== this.#address.host || metrics.port !== this.#address.port) {
      this.#parts.log.warn({ host, port }, 'another address of metrics needs a restart');
    }
    this.#settings = metrics ?? this.#settings;
    this.#clients = Object.values(clients);
  }

  async close(): Promise<void> {
    await this.#server?.close();
    void this.#stopCollecting();
    this.#stopMonitoring();
    closeRedis(this.#redis);
  }

  async #metrics(): Promise<string> {
    const [collected, reading, own] = await Promise.all([
      this.#workers.collect(ANSWER_MS),
      this.#monitor.read(0),
      collectProcessMetrics(),
    ]);
    const { alive, lost } = this.#workers;
    const counts = { alive, wanted: this.#parts.workers, lost, silent: collected.silent };
    const queues = reading.ok ? describeQueues(reading.views, this.#watchdog.untaken) : [];
    return toText([
      describeService(reading.ok ? reading.unread.length : undefined, counts),
      queues,
      [this.#parts.certificates.describe()],
      ...collected.metrics,
      nameProcess(own, 'supervisor'),
    ]);
  }

  async #readiness(): Promise<Readiness> {
    return judgeReadiness({
      reading: await this.#monitor.read(READY_AGE_MS),
      workers: { alive: this.#workers.alive, wanted: this.#parts.workers },
      untaken: this.#watchdog.untaken,
      oldestWaitingMs: this.#settings.oldestWaitingMs,
    });
  }
}

/** @throws Error whose message an operator understands: that of the connection speaks of its settings */
async function readQueues(redis: Connection, clients: readonly ViewedClient[]) {
  try {
    return await readViewsInReach(redis, clients, ANSWER_MS);
  } catch (error) {
    throw error instanceof ReplyError ? error : new Error(whyAway(redis), { cause: error });
  }
}

const UNREAD =
  'Clients that have no figures in this scrape, since their server of the Cluster is away; 0 if Redis is.';

type WorkerCounts = Readonly<Record<'alive' | 'wanted' | 'silent' | 'lost', number>>;

/** The service itself, as metrics. @param unread clients that could not be read; undefined: Redis does not answer */
function describeService(
  unread: number | undefined,
  { alive, wanted, silent, lost }: WorkerCounts,
): Metric[] {
  const one = (type: Metric['type'], name: string, help: string, value: number, labels = {}): Metric =>
    metric(type, name, help, [{ labels, value }]);
  return [
    one('gauge', 'waybill_build_info', 'The version, as a label.', 1, { version: VERSION }),
    one(
      'gauge',
      'waybill_redis_up',
      '1 if Redis told of the queues for this scrape; of a Cluster, if all of its masters did.',
      Number(unread === 0),
    ),
    one('gauge', 'waybill_unread_clients', UNREAD, unread ?? 0),
    one('gauge', 'waybill_workers', 'Worker processes that deliver.', alive),
    one('gauge', 'waybill_workers_wanted', 'Worker processes that ought to.', wanted),
    one('gauge', 'waybill_workers_silent', 'Workers that did not report for this scrape in time.', silent),
    one('counter', 'waybill_workers_lost_total', 'Worker processes that did not end in good order.', lost),
  ];
}
