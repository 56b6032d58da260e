import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Config } from '../config/config-schema.ts';
import type { IncidentChannel } from '../config/incidents-config.ts';
import { atMost, every } from '../core/time.ts';
import { type ClientHttp, createClientHttp } from '../http/client-http.ts';
import { IncidentMonitor } from '../incidents/incident-monitor.ts';
import { Notifier, type SendNotice } from '../incidents/notifier.ts';
import { channelName, NOTICE_RETRY, type NoticeRetry, postNotice } from '../incidents/post-notice.ts';
import { closeRedis, isConnected, openRedis, type RedisLocation } from '../queue/connections.ts';
import { forgetNotice } from '../queue/incident-store.ts';
import { VERSION } from '../version.ts';
import { createErrorSpacing } from './error-spacing.ts';

/** How long the claim of a monitor that was lost lasts, beyond its rounds. */
const CLAIM_MS = 30_000;
/** How long a stop waits for the requests under way. */
const STOP_MS = 1_000;
/** How soon a missing connection is asked for again. */
const AWAY_MS = 100;
/** One notice at a time goes to a channel. */
const CONNECTIONS = 1;

/** The monitor of a service's incidents, running. */
export interface RunningMonitor {
  /** Goes on with another configuration. */
  configure(config: Config): Promise<void>;
  /** Ends it; the next service sends the notices that were not sent yet. */
  stop(): Promise<void>;
}

/** Monitors the incidents of all clients: sends notices of them, and closes those that are over. */
export function monitorIncidents(
  config: Config,
  location: RedisLocation,
  log: Logger,
  retry: NoticeRetry = NOTICE_RETRY,
): RunningMonitor {
  // As an intake's connection it fails at once if Redis is away: the next round comes soon.
  const redis = openRedis(location, 'intake', () => {});
  const name = randomUUID();
  let running = runMonitor({ config, redis, log, retry, name });
  return {
    async configure(next) {
      await running.stop();
      running = runMonitor({ config: next, redis, log, retry, name });
    },
    async stop() {
      await running.stop();
      closeRedis(redis);
    },
  };
}

interface MonitorParts {
  readonly config: Config;
  readonly redis: Redis;
  readonly log: Logger;
  readonly retry: NoticeRetry;
  readonly name: string;
}

/** Checks the incidents regularly, with one configuration. */
function runMonitor({ config, redis, log, retry, name }: MonitorParts) {
  const { notify, lookEveryMs } = config.incidents;
  const abort = new AbortController();
  const channels = notify.map((channel) => openChannel(channel, retry, abort.signal));
  const notifier = new Notifier({
    channels: new Map(channels.map(({ channel, send }) => [channel, send])),
    log,
    forget: (client, field) => forgetNotice(redis, client, field),
  });
  const clients = Object.keys(config.clients);
  const claimMs = CLAIM_MS + lookEveryMs;
  const monitor = new IncidentMonitor({ redis, clients, notifier, log, name, claimMs, now: Date.now });
  const stopChecking = checkRegularly(redis, monitor, lookEveryMs, log);
  return {
    async stop() {
      await stopChecking();
      await atMost(STOP_MS, notifier.idle());
      abort.abort();
      await Promise.all(channels.map(({ http }) => http.close()));
      await atMost(STOP_MS, notifier.idle());
    },
  };
}

function openChannel(
  channel: IncidentChannel,
  retry: NoticeRetry,
  signal: AbortSignal,
): { channel: string; http: ClientHttp; send: SendNotice } {
  const { timeoutMs, allowPrivateNetwork } = channel;
  const http = createClientHttp({ connections: CONNECTIONS, timeoutMs, allowPrivateNetwork });
  const userAgent = ['User-Agent', `waybill/${VERSION}`];
  const post: typeof http.post = (request, called) =>
    http.post({ ...request, headers: [...userAgent, ...request.headers] }, called);
  return {
    channel: channelName(channel),
    http,
    send: (notice) => postNotice(channel, notice, { post, retry, signal }),
  };
}

/** @returns what ends it, once the check under way is over */
function checkRegularly(
  redis: Redis,
  monitor: IncidentMonitor,
  everyMs: number,
  log: Logger,
): () => Promise<void> {
  const errors = createErrorSpacing(
    (error, unreported) =>
      log.warn({ reason: error.message, unreported }, 'incidents could not be looked after'),
    () => performance.now(),
  );
  let isThere = false;
  return every(
    () => (isThere ? everyMs : AWAY_MS),
    async () => {
      // The delivery workers log that Redis is away.
      isThere = isConnected(redis);
      if (isThere) await monitor.check().then(errors.over, errors.add);
    },
  );
}
