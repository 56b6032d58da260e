import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Authorizer } from '../auth/authorizer.ts';
import { Authorizers } from '../auth/authorizers.ts';
import { asksForTokens, renewOnOf, tokenTimeoutMs } from '../config/client-config.ts';
import type { Config, ResolvedClient, ResolvedEndpoint } from '../config/config-schema.ts';
import { type ClientMeter, DeliveryMeter } from '../core/delivery-meter.ts';
import { atMost } from '../core/time.ts';
import { Unsettled } from '../delivery/batch-ledger.ts';
import { EndpointDelivery } from '../delivery/deliver-endpoint.ts';
import { Gate } from '../delivery/gate.ts';
import { type AttemptParts, createAttempt, type MakeAttempt } from '../delivery/make-attempt.ts';
import { Pacing, type ReserveSends } from '../delivery/pacing.ts';
import { type ClientHttp, createClientHttp } from '../http/client-http.ts';
import { type BatchWorkers, createBatchWorkers } from '../queue/batch-workers.ts';
import { closeRedis, openRedis, type RedisLocation } from '../queue/connections.ts';
import { type Endpoint, LOCK_TIMING, type LockTiming, rateKey } from '../queue/names.ts';
import { reserveSends } from '../queue/reserve-sends.ts';
import { type SettleCommand, type Settled, settle } from '../queue/settle.ts';
import type { BatchWorker } from '../queue/take.ts';
import { untilWritable } from '../queue/until-writable.ts';
import { VERSION } from '../version.ts';
import { createErrorSpacing } from './error-spacing.ts';
import { keepPruning } from './keep-pruning.ts';

/** How long a stop waits, beyond the grace period, for deliveries to be written down. */
const SETTLE_MS = 5_000;
/** How long a stop waits for what depends on a Redis that was closed. */
const CLOSED_MS = 500;

/** The delivery workers of all clients, in this process. */
export interface Engine {
  /** What this process counts of its deliveries. */
  readonly meter: DeliveryMeter;
  /** Finishes the requests under way within `graceMs`, puts the rest back, and closes everything. */
  stop(graceMs: number): Promise<void>;
}

/** What the engine runs with. */
export interface EngineOptions {
  readonly config: Config;
  readonly redis: RedisLocation;
  readonly log: Logger;
  /** How batches are held, and lost processes noticed; default: `LOCK_TIMING`. */
  readonly lock?: LockTiming;
  /** Makes the attempts, for who measures them; default: `createAttempt`. */
  readonly attempts?: (parts: AttemptParts) => MakeAttempt;
  /** Told how long each request for a token took, in milliseconds. */
  readonly onTokenRequest?: (ms: number) => void;
}

/** Starts delivering to all clients of a configuration. @throws errors of Redis at the first connection */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const { config, redis: location, log, lock = LOCK_TIMING } = options;
  const errors = createErrorSpacing(
    (error, unreported) => log.warn({ reason: error.message, unreported }, 'redis error'),
    () => performance.now(),
  );
  const onError = errors.add;
  const redis = openRedis(location, 'worker', onError);
  redis.on('ready', () => {
    if (errors.over()) log.info({}, 'redis is back');
  });
  let closed = false;
  const patiently: Settle = (endpoint, command) => {
    const name = randomUUID();
    const { stream } = redis;
    return untilWritable(
      () => settle(redis, endpoint, command, name, config.keepDeliveredHours, stream),
      () => closed,
      onError,
    );
  };
  const authorizers = new Authorizers({ redis, log, secretKey: config.secretKey });
  const meter = new DeliveryMeter();
  const clients = Object.values(config.clients);
  const workers = createBatchWorkers({ redis, lock, onError, now: Date.now });
  const shared = {
    ...options,
    redis,
    authorizers,
    onError,
    settle: patiently,
    suspects: new Set<object>(),
    meter,
    workers,
  };
  const running = clients.map((client) => buildClient(client, shared));
  const endpoints = running.flatMap((client) => client.endpoints);
  await Promise.all(endpoints.map(({ delivery }) => delivery.start()));
  workers.start();
  const stopPruning = keepPruning(config, redis, log, Date.now);
  log.info({ clients: clients.map((client) => client.name), version: VERSION }, 'delivering');

  return {
    meter,
    async stop(graceMs) {
      stopPruning();
      const stops = Promise.all(endpoints.map(({ delivery }) => delivery.stop(graceMs)));
      await atMost(graceMs + SETTLE_MS, stops);
      closed = true;
      workers.close();
      await authorizers.close();
      // If Redis is away, what waits for it ends here; the locks run out and the batches are taken over.
      closeRedis(redis);
      // What was to be sent again once a lost connection was back is never answered: ioredis forgets it.
      await atMost(CLOSED_MS, stops);
      await Promise.all(endpoints.map(({ worker }) => worker.close()));
      await Promise.all(running.map(({ http }) => http.close()));
    },
  };
}

type Settle = (endpoint: Endpoint, command: SettleCommand) => Promise<Settled>;

interface Shared extends Pick<EngineOptions, 'attempts' | 'onTokenRequest'> {
  readonly redis: Redis;
  readonly authorizers: Authorizers;
  readonly log: Logger;
  readonly settle: Settle;
  readonly suspects: Set<object>;
  readonly meter: DeliveryMeter;
  readonly workers: BatchWorkers;
  onError(error: Error): void;
}

/** One client's deliveries, and the connections that they share. */
interface RunningClient {
  readonly http: ClientHttp;
  readonly endpoints: readonly { readonly delivery: EndpointDelivery; readonly worker: BatchWorker }[];
}

/** Builds a client: its endpoints share its connections, its authorization and its rate limit. */
function buildClient(client: ResolvedClient, shared: Shared): RunningClient {
  const endpoints = Object.values(client.endpoints);
  const { timeoutMs, connectionMaxAgeMs, allowPrivateNetwork, tlsMaterial: tls } = client;
  const http = createClientHttp({
    connections: endpoints.reduce((sum, { concurrency }) => sum + concurrency, 0),
    timeoutMs,
    connectionMaxAgeMs,
    allowPrivateNetwork,
    ...(tls === undefined ? {} : { tls }),
  });
  const meter = shared.meter.client(client.name);
  const parts = {
    http,
    meter,
    authorizer: buildAuthorizer(client, http, meter, shared),
    renewOn: renewOnOf(client.auth),
    pacing: pacingOf(client.ratePerSecond, rateKey(client.name), shared),
  };
  return { http, endpoints: endpoints.map((endpoint) => buildEndpoint(endpoint, parts, shared)) };
}

function buildAuthorizer(
  client: ResolvedClient,
  http: ClientHttp,
  meter: ClientMeter,
  { authorizers, onTokenRequest }: Shared,
): Authorizer {
  if (asksForTokens(client.auth)) meter.expectTokens();
  return authorizers.get({
    client: client.name,
    auth: client.auth,
    async post(request) {
      const asked = performance.now();
      const result = await http.post(request, request.signal);
      onTokenRequest?.(performance.now() - asked);
      return result;
    },
    timeoutMs: tokenTimeoutMs(client),
    network: JSON.stringify([client.allowPrivateNetwork, client.tlsMaterial ?? null]),
    onAsked: (outcome) => meter.asked(outcome),
  });
}

function pacingOf(ratePerSecond: number | undefined, key: string, { redis, onError }: Shared) {
  if (ratePerSecond === undefined) return undefined;
  const reserve: ReserveSends = (rate, count) => reserveSends(redis, key, rate, count);
  return new Pacing({ ratePerSecond, reserve, monotonicNow: () => performance.now(), onError });
}

interface ClientParts {
  readonly http: ClientHttp;
  readonly meter: ClientMeter;
  readonly authorizer: Authorizer;
  readonly renewOn: readonly number[];
  readonly pacing: Pacing | undefined;
}

function buildEndpoint(endpoint: ResolvedEndpoint, parts: ClientParts, shared: Shared) {
  const { client, type, concurrency, timeoutMs } = endpoint;
  const { http, meter, authorizer, renewOn, pacing } = parts;
  const { log, suspects } = shared;
  const own = pacingOf(endpoint.ratePerSecond, rateKey(client, type), shared);
  const pacings = [own, pacing].filter((one) => one !== undefined);
  const gate = new Gate(concurrency, pacings);
  const worker = shared.workers.create(endpoint, {
    onLockLost: (jobId) => delivery.lose(jobId),
    onStalled: (batch) => log.warn({ client, type, batch }, 'batch taken over from a lost process'),
  });
  const delivery = new EndpointDelivery({
    endpoint,
    source: worker,
    attempt: (shared.attempts ?? createAttempt)({
      post: http.post,
      authorizer,
      renewOn,
      timeoutMs,
      takeTurn: () => gate.turn(),
      userAgent: `waybill/${VERSION}`,
      monotonicNow: () => performance.now(),
    }),
    gate,
    unsettled: new Unsettled(),
    suspects,
    meter,
    log,
    settle: (command) => shared.settle(endpoint, command),
    now: Date.now,
    random: Math.random,
  });
  return { delivery, worker };
}
