import { randomUUID } from 'node:crypto';
import type { Config } from '../config/config-schema.ts';
import type { Mailbox } from '../config/smtp-config.ts';
import type { IncidentNotice } from '../core/incident.ts';
import type { Log } from '../core/log.ts';
import { atMost, every } from '../core/time.ts';
import { IncidentMonitor } from '../incidents/incident-monitor.ts';
import { MailChannel } from '../incidents/mail-channel.ts';
import { makeReport, type ReportWithUnits } from '../incidents/make-report.ts';
import {
  HttpNoticeChannel,
  NOTICE_RETRY,
  type NoticeChannel,
  type NoticeRetry,
} from '../incidents/notice-channel.ts';
import { closeRedis, isConnected, openRedis } from '../queue/connections.ts';
import type { RedisLocation } from '../queue/redis-options.ts';
import type { Connection } from '../queue/servers.ts';
import { createErrorSpacing } from './error-spacing.ts';

/** How long the claim of a monitor that was lost lasts, beyond its rounds. */
const CLAIM_MS = 30_000;
/** How long a stop waits for the requests under way. */
const STOP_MS = 1_000;
/** How soon a missing connection is asked for again. */
const AWAY_MS = 100;

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
  log: Log,
  retry: NoticeRetry = NOTICE_RETRY,
): RunningMonitor {
  // As an intake's connection it fails at once if Redis is away: the next round comes soon.
  const redis = openRedis(location, 'intake', () => {});
  const name = randomUUID();

  /** @returns what stops it */
  function run(config: Config): () => Promise<void> {
    const { clients, incidents } = config;
    const { lookEveryMs, downAfterMs } = incidents;
    const abort = new AbortController();
    const channels = openChannels(config, redis, retry);
    const monitor = new IncidentMonitor({
      redis,
      clients: Object.keys(clients),
      channels,
      log,
      name,
      claimMs: CLAIM_MS + lookEveryMs,
      downAfterMs,
      signal: abort.signal,
      now: Date.now,
    });
    const stopChecking = checkRegularly(redis, monitor, lookEveryMs, log);
    return async () => {
      await stopChecking();
      await atMost(STOP_MS, monitor.idle());
      abort.abort();
      await Promise.all(channels.map((channel) => channel.close()));
      await atMost(STOP_MS, monitor.idle());
    };
  }

  let stop = run(config);
  return {
    async configure(next) {
      await stop();
      stop = run(next);
    },
    async stop() {
      await stop();
      closeRedis(redis);
    },
  };
}

/** Opens the channels that all incidents are told to, and those of clients whose contacts are told of theirs. */
function openChannels(config: Config, redis: Connection, retry: NoticeRetry): NoticeChannel[] {
  const { clients, incidents, smtp, deadLetters } = config;
  const channels: NoticeChannel[] = [];
  const reportOf = async ({ incident }: IncidentNotice): Promise<ReportWithUnits> => {
    const client = clients[incident.client];
    if (client === undefined) throw new Error(`client "${incident.client}" is not configured`);
    return makeReport(redis, client, { incident, keepDays: deadLetters.keepDays, now: Date.now() });
  };
  const mailTo = (to: readonly Mailbox[], own: { readonly client?: string } = {}): void => {
    if (smtp !== undefined) channels.push(new MailChannel({ smtp, to, retry, makeReport: reportOf, ...own }));
  };
  for (const channel of incidents.notify) {
    if (channel.format === 'email') mailTo(channel.to.map((address) => ({ address })));
    else channels.push(new HttpNoticeChannel(channel, retry));
  }
  for (const { name: client, contact } of Object.values(clients)) {
    const { name, email: address, notify } = contact ?? {};
    if (notify !== true || address === undefined) continue;
    mailTo([name === undefined ? { address } : { name, address }], { client });
  }
  return channels;
}

/** @returns what ends it, once the check under way is over */
function checkRegularly(
  redis: Connection,
  monitor: IncidentMonitor,
  everyMs: number,
  log: Log,
): () => Promise<void> {
  const errors = createErrorSpacing((error, unreported) =>
    log.warn({ reason: error.message, unreported }, 'incidents could not be looked after'),
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
