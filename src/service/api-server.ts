import type { AddressInfo } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import type { ApiParts, ApiServer } from '../api/api-parts.ts';
import { createApi } from '../api/create-api.ts';
import type { SubmitEvent } from '../api/submit-events.ts';
import type { Config } from '../config/config-schema.ts';
import type { HttpConfig } from '../config/http-config.ts';
import { inBrackets } from '../core/host-port.ts';
import type { Log } from '../core/log.ts';
import { atMost } from '../core/time.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { createIdSource } from '../intake/id-source.ts';
import { closeRedis, openRedis } from '../queue/connections.ts';
import { createEventLookUp } from '../queue/look-up-event.ts';
import type { RedisLocation } from '../queue/redis-options.ts';
import type { Connection } from '../queue/servers.ts';
import { VERSION } from '../version.ts';
import { createErrorSpacing } from './error-spacing.ts';
import { openIntake } from './open-intake.ts';
import { ViewPoller, type ViewPollerParts } from './view-poller.ts';

/** The HTTP API, listening. */
export type RunningApi = NonNullable<Awaited<ReturnType<typeof startApi>>>;

/** What the API may be given besides. */
export interface ApiOptions {
  /** Finds out what became of an event; default: what Redis has of it. */
  lookUpEvent?(redis: Connection): ApiParts['lookUpEvent'];
  /** Of the regular readings. */
  readonly polling?: Pick<ViewPollerParts, 'askLatencies' | 'historyEveryMs' | 'watchedEveryMs'>;
}

/**
 * Starts the HTTP API of a configuration; undefined: it has none.
 *
 * @throws WaybillError `HTTP_LISTEN_FAILED`
 */
export async function startApi(
  config: Config,
  location: RedisLocation,
  log: Log,
  { lookUpEvent = inRedis, polling = {} }: ApiOptions = {},
) {
  const { http } = config;
  if (http === undefined) return undefined;
  const redis = openRedis(location, 'operator', () => {});
  let present = { config, intake: await openIntake(config, location) };
  const errors = createErrorSpacing((error, unreported) =>
    log.error({ err: error, unreported }, 'http requests cannot be served'),
  );
  const clients = () => Object.values(present.config.clients);
  const views = new ViewPoller({ ...polling, redis, clients, now: Date.now });
  const server = await createApi({
    http,
    version: VERSION,
    current: () => {
      const { config } = present;
      const { clients, deadLetters, http: served } = config;
      return { clients, keys: served?.keys ?? [], keepDays: deadLetters.keepDays, config };
    },
    submit: (...event) => (present.intake.submit as SubmitEvent)(...event),
    redis,
    views,
    lookUpEvent: lookUpEvent(redis),
    log,
    now: Date.now,
    newId: createIdSource(),
    onUnavailable: errors.add,
  });
  async function release(): Promise<void> {
    views.stop();
    await present.intake.close();
    closeRedis(redis);
  }
  try {
    await server.listen({ host: http.host, port: http.port });
  } catch (error) {
    await release();
    throw listenFailed(http, error as Error);
  }
  const address = addressOf(server.server.address() as AddressInfo);
  const consoleAt = http.console ? { console: `${address}/console` } : {};
  log.info({ address, ...consoleAt, keys: keyNames(http) }, 'http api listens');
  warnWithoutKeys(http, log);
  return {
    /** `http://127.0.0.1:8425` */
    address,
    /** Goes on with another configuration's clients and keys; what it listens on and its limits stay. */
    async reload(next: Config): Promise<void> {
      const { intake, config: before } = present;
      present = { config: next, intake: await openIntake(next, location) };
      views.readSoon();
      await intake.close();
      const served = next.http ?? { keys: [] };
      if (!isDeepStrictEqual(before.http?.keys, served.keys)) {
        log.info({ keys: keyNames(served) }, 'http api has other keys');
        warnWithoutKeys(served, log);
      }
      if (isServedAlike(http, next.http)) return;
      log.warn({}, 'another http host, port, console, limit or time-out needs a restart');
    },
    /** Goes on with new contents of TLS files in the same configuration. */
    renewTls(next: Config): void {
      present = { ...present, config: next };
    },
    /** Takes no further requests, finishes those under way within `graceMs`, and releases Redis. */
    async close(graceMs: number): Promise<void> {
      await closeServer(server, graceMs);
      await release();
    },
  };
}

function keyNames({ keys }: Pick<HttpConfig, 'keys'>): string[] {
  return keys.map(({ name }) => name);
}

function warnWithoutKeys({ keys }: Pick<HttpConfig, 'keys'>, log: Log): void {
  if (keys.length === 0) log.warn({}, 'http api has no keys: it refuses every request');
}

function inRedis(redis: Connection): ApiParts['lookUpEvent'] {
  return (id, clients) => createEventLookUp({ redis, clients, now: Date.now })(id);
}

/** Connections on which nothing is under way are closed at once, the others at the end of the grace period. */
async function closeServer(server: ApiServer, graceMs: number): Promise<void> {
  const closed = server.close().then(() => true);
  const inTime = await atMost(graceMs, closed);
  if (!inTime) server.server.closeAllConnections();
  await closed;
}

function isServedAlike(before: HttpConfig, after: HttpConfig | undefined): boolean {
  return (['host', 'port', 'console', 'bodyLimitBytes', 'requestTimeoutMs'] as const).every(
    (name) => before[name] === after?.[name],
  );
}

function listenFailed({ host, port }: HttpConfig, cause: Error): WaybillError {
  const message = `the HTTP API cannot listen on ${host}, port ${port}: ${cause.message}`;
  return new WaybillError('HTTP_LISTEN_FAILED', message, { cause });
}

function addressOf({ address, port }: AddressInfo): string {
  return `http://${inBrackets(address)}:${port}`;
}
