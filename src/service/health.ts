import { type Redis, ReplyError } from 'ioredis';
import type { Logger } from 'pino';
import type { Config } from '../config/config-schema.ts';
import { every } from '../core/time.ts';
import { toText } from '../observability/add-up.ts';
import { createFleet, type Fleet, type ReportingWorker } from '../observability/fleet.ts';
import { type HealthAnswers, startHealthServer } from '../observability/health-server.ts';
import { oneAtATime } from '../observability/one-at-a-time.ts';
import { createProcessMetrics, nameProcess } from '../observability/process-metrics.ts';
import { describeQueues } from '../observability/queue-metrics.ts';
import { createQueueMonitor, type QueueMonitor } from '../observability/queue-monitor.ts';
import { judgeReadiness } from '../observability/readiness.ts';
import { describeService } from '../observability/service-metrics.ts';
import { createWatchdog, type Watchdog } from '../observability/watchdog.ts';
import { closeRedis, openRedis, type RedisLocation, whyAway } from '../queue/connections.ts';
import { readOverviews } from '../queue/queue-overview.ts';
import { VERSION } from '../version.ts';

/** How long a worker, and Redis, may take to tell what a request asks for. */
const ANSWER_MS = 2_000;
/** How old what is known of the queues may be where readiness is asked for, by many, and often. */
const READY_AGE_MS = 500;
/** The longest wait from one look of the watchdog to the next. */
const LOOK_EVERY_MS = 10_000;

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
  const seen = startLooking(parts);
  try {
    const server = await startHealthServer(address, answersOf(seen, parts.workers));
    log.info({ host: server.host, port: server.port }, 'metrics served');
    return {
      add: seen.fleet.add,
      configure(config) {
        const { host, port } = config.metrics ?? {};
        if (host !== address.host || port !== address.port) {
          log.warn({ host: server.host, port: server.port }, 'another address of metrics needs a restart');
        }
        seen.settings = config.metrics ?? seen.settings;
        seen.clients = Object.keys(config.clients);
      },
      async close() {
        await server.close();
        seen.stop();
      },
    };
  } catch (error) {
    seen.stop();
    throw error;
  }
}

/** What is looked at for as long as it is served; a configuration that is read anew changes the first two. */
interface Seen {
  settings: HealthSettings;
  clients: readonly string[];
  readonly fleet: Fleet;
  readonly watchdog: Watchdog;
  readonly monitor: QueueMonitor;
  stop(): void;
}

function startLooking({ settings, config, redis: location, log }: HealthParts): Seen {
  // As an intake's it fails at once where Redis is away, and gives up a connection that is silent.
  const redis = openRedis(location, 'intake', () => {}, { answerTimeoutMs: ANSWER_MS });
  const fleet = createFleet();
  const watchdog = createWatchdog({ log, untakenMs: () => seen.settings.untakenMs });
  const monitor = createQueueMonitor({
    watchdog,
    read: () => look(redis, seen.clients),
    limitMs: ANSWER_MS,
    everyMs: () => Math.min(LOOK_EVERY_MS, seen.settings.untakenMs / 4),
    monotonicNow: () => performance.now(),
  });
  // What workers have counted is asked for regularly: little is lost with one that is killed.
  const stopAsking = every(LOOK_EVERY_MS, () => fleet.gather(ANSWER_MS));
  const seen: Seen = {
    settings,
    clients: Object.keys(config.clients),
    fleet,
    watchdog,
    monitor,
    stop() {
      void stopAsking();
      monitor.stop();
      closeRedis(redis);
    },
  };
  monitor.start();
  return seen;
}

/** @throws Error whose message an operator understands: that of the connection speaks of its settings */
async function look(redis: Redis, clients: readonly string[]) {
  try {
    return await readOverviews(redis, clients);
  } catch (error) {
    throw error instanceof ReplyError ? error : new Error(whyAway(redis), { cause: error });
  }
}

function answersOf(seen: Seen, wanted: number): HealthAnswers {
  const { fleet, watchdog, monitor } = seen;
  const ofProcess = createProcessMetrics();
  return {
    metrics: oneAtATime(async () => {
      const [gathered, look, own] = await Promise.all([
        fleet.gather(ANSWER_MS),
        monitor.look(0),
        ofProcess.collect(),
      ]);
      const { alive, lost } = fleet;
      const workers = { alive, wanted, lost, silent: gathered.silent };
      const service = describeService({ version: VERSION, redisUp: look.ok, workers });
      const queues = look.ok ? describeQueues(look.overviews, watchdog.untaken) : [];
      return toText([service, queues, ...gathered.metrics, nameProcess(own, 'supervisor')]);
    }),
    async readiness() {
      const look = await monitor.look(READY_AGE_MS);
      return judgeReadiness({
        look,
        workers: { alive: fleet.alive, wanted },
        untaken: watchdog.untaken,
        oldestWaitingMs: seen.settings.oldestWaitingMs,
      });
    },
  };
}
