import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Config } from '../config/config-schema.ts';
import type { IncidentChannel } from '../config/incidents-config.ts';
import { type ClientHttp, createClientHttp } from '../http/client-http.ts';
import { createKeeper } from '../incidents/keeper.ts';
import { channelName, NOTICE_RETRY, type NoticeRetry, postNotice } from '../incidents/post-notice.ts';
import { createTeller, type SendNotice } from '../incidents/teller.ts';
import { closeRedis, isConnected, openRedis, type RedisLocation } from '../queue/connections.ts';
import { forgetNotice } from '../queue/incident-store.ts';
import { VERSION } from '../version.ts';
import { createErrorSpacing } from './error-spacing.ts';

/** How long a keeper that is lost keeps others from telling what it had in hand, beyond its looks. */
const CLAIM_MS = 30_000;
/** How long a stop waits for the requests under way. */
const STOP_MS = 1_000;
/** How soon is looked again whether a connection is there that is not. */
const AWAY_MS = 100;
/** One notice at a time goes to a channel. */
const CONNECTIONS = 1;

/** A service's looking after incidents. */
export interface IncidentKeeping {
  /** Goes on with another configuration. */
  configure(config: Config): Promise<void>;
  /** Ends it; what was not told yet is told by the next one. */
  stop(): Promise<void>;
}

/** Looks after the incidents of all clients: tells of them, and closes those that are over. */
export function keepIncidents(
  config: Config,
  location: RedisLocation,
  log: Logger,
  retry: NoticeRetry = NOTICE_RETRY,
): IncidentKeeping {
  // As an intake's it fails at once where Redis is away: the next look comes soon.
  const redis = openRedis(location, 'intake', () => {});
  const name = randomUUID();
  let round = startRound({ config, redis, log, retry, name });
  return {
    async configure(next) {
      await round.stop();
      round = startRound({ config: next, redis, log, retry, name });
    },
    async stop() {
      await round.stop();
      closeRedis(redis);
    },
  };
}

interface RoundParts {
  readonly config: Config;
  readonly redis: Redis;
  readonly log: Logger;
  readonly retry: NoticeRetry;
  readonly name: string;
}

/** Looks regularly, with one configuration. */
function startRound({ config, redis, log, retry, name }: RoundParts) {
  const { notify, lookEveryMs } = config.incidents;
  const callOff = new AbortController();
  const channels = notify.map((channel) => openChannel(channel, retry, callOff.signal));
  const teller = createTeller({
    channels: new Map(channels.map(({ channel, send }) => [channel, send])),
    log,
    forget: (client, field) => forgetNotice(redis, client, field),
  });
  const clients = Object.keys(config.clients);
  const claimMs = CLAIM_MS + lookEveryMs;
  const keeper = createKeeper({ redis, clients, teller, log, name, claimMs, now: Date.now });
  const stopLooking = lookRegularly(redis, () => keeper.look(), lookEveryMs, log);
  return {
    async stop() {
      await stopLooking();
      await atMost(teller.idle(), STOP_MS);
      callOff.abort();
      await Promise.all(channels.map(({ http }) => http.close()));
      await atMost(teller.idle(), STOP_MS);
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

/** One look after another. @returns what ends it, once the look under way is over */
function lookRegularly(
  redis: Redis,
  look: () => Promise<void>,
  everyMs: number,
  log: Logger,
): () => Promise<void> {
  const errors = createErrorSpacing(
    (error, unreported) =>
      log.warn({ reason: error.message, unreported }, 'incidents could not be looked after'),
    () => performance.now(),
  );
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const lookOnce = async (): Promise<void> => {
    // That Redis is away is said by those that deliver.
    const isThere = isConnected(redis);
    if (isThere) await look().then(errors.over, errors.add);
    if (stopped) return;
    timer = setTimeout(
      () => {
        looking = lookOnce();
      },
      isThere ? everyMs : AWAY_MS,
    );
  };
  let looking = lookOnce();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await looking;
  };
}

async function atMost(promise: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, limit]);
  clearTimeout(timer);
}
