import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { type Authorizers, createAuthorizers } from '../auth/authorizers.ts';
import { asksForTokens, renewOnOf, tokenTimeoutMs } from '../config/client-config.ts';
import type { Config, ResolvedClient } from '../config/config-schema.ts';
import { createDeliveryMeter, type DeliveryMeter } from '../core/delivery-meter.ts';
import { atMost } from '../core/time.ts';
import { type ClientDelivery, createClientDelivery } from '../delivery/deliver-client.ts';
import { createLanes } from '../delivery/lanes.ts';
import { createLine } from '../delivery/line.ts';
import { type AttemptParts, createAttempt, type MakeAttempt } from '../delivery/make-attempt.ts';
import { createPacing } from '../delivery/pacing.ts';
import { createPermits } from '../delivery/permits.ts';
import { createPutOffs } from '../delivery/put-offs.ts';
import { createUnsettled } from '../delivery/unsettled.ts';
import { type ClientHttp, createClientHttp } from '../http/client-http.ts';
import type { BatchWorker } from '../queue/batch-worker.ts';
import { type BatchWorkers, createBatchWorkers } from '../queue/batch-workers.ts';
import { bringForward } from '../queue/bring-forward.ts';
import { closeRedis, openRedis, type RedisLocation } from '../queue/connections.ts';
import { LOCK_TIMING, type LockTiming } from '../queue/names.ts';
import { reserveSends } from '../queue/reserve-sends.ts';
import { type SettleCommand, type Settled, settle } from '../queue/settle.ts';
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
  const patiently: Settle = (client, command) => {
    const name = randomUUID();
    const { stream } = redis;
    return untilWritable(
      () => settle(redis, client, command, name, config.keepDeliveredHours, stream),
      () => closed,
      onError,
    );
  };
  const authorizers = createAuthorizers({ redis, log, secretKey: config.secretKey });
  const meter = createDeliveryMeter();
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
  await Promise.all(running.map(({ delivery }) => delivery.start()));
  workers.start();
  const stopPruning = keepPruning(config, redis, log, Date.now);
  log.info({ clients: clients.map((client) => client.name), version: VERSION }, 'delivering');

  return {
    meter,
    async stop(graceMs) {
      stopPruning();
      const stops = Promise.all(running.map(({ delivery }) => delivery.stop(graceMs)));
      await atMost(graceMs + SETTLE_MS, stops);
      closed = true;
      workers.close();
      await authorizers.close();
      // Where Redis is away, what waits for it ends here; the locks run out and the batches are taken over.
      closeRedis(redis);
      // What was to be sent again once a lost connection was back is never answered: ioredis forgets it.
      await atMost(CLOSED_MS, stops);
      await Promise.all(running.map(({ worker, http }) => Promise.all([worker.close(true), http.close()])));
    },
  };
}

type Settle = (client: string, command: SettleCommand) => Promise<Settled>;

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

interface RunningClient {
  readonly delivery: ClientDelivery;
  readonly worker: BatchWorker;
  readonly http: ClientHttp;
}

function buildClient(client: ResolvedClient, shared: Shared): RunningClient {
  const { redis, authorizers, log, onError } = shared;
  const { timeoutMs, connectionMaxAgeMs, allowPrivateNetwork, ratePerSecond, tlsMaterial: tls } = client;
  const monotonicNow = () => performance.now();
  const http = createClientHttp({
    connections: client.concurrency,
    timeoutMs,
    connectionMaxAgeMs,
    allowPrivateNetwork,
    ...(tls === undefined ? {} : { tls }),
  });
  const meter = shared.meter.client(client.name);
  if (asksForTokens(client.auth)) meter.expectTokens();
  const authorizer = authorizers.get({
    client: client.name,
    auth: client.auth,
    async post(request) {
      const asked = monotonicNow();
      const result = await http.post(request, request.signal);
      shared.onTokenRequest?.(monotonicNow() - asked);
      return result;
    },
    timeoutMs: tokenTimeoutMs(client),
    network: JSON.stringify([allowPrivateNetwork, tls ?? null]),
    onAsked: meter.asked,
  });
  const pacing =
    ratePerSecond === undefined
      ? undefined
      : createPacing({
          ratePerSecond,
          reserve: (rate, count) => reserveSends(redis, client.name, rate, count),
          monotonicNow,
          onError,
        });
  const worker = shared.workers.create(client.name, {
    onLockLost: (jobId) => delivery.lose(jobId),
    onStalled: (batch) => log.warn({ client: client.name, batch }, 'batch taken over from a lost process'),
  });
  const lanes = createLanes(client);
  const delivery = createClientDelivery({
    client,
    source: worker,
    attempt: (shared.attempts ?? createAttempt)({
      post: http.post,
      authorizer,
      renewOn: renewOnOf(client.auth),
      takeTurn: pacing && (() => pacing.turn()),
      userAgent: `waybill/${VERSION}`,
      monotonicNow,
    }),
    line: createLine({
      lanes,
      permits: createPermits(client.concurrency, lanes),
      pacing,
      room: client.concurrency,
    }),
    putOffs: createPutOffs({
      bringForward: (batches) => bringForward(redis, client.name, batches),
      onError,
    }),
    unsettled: createUnsettled(),
    suspects: shared.suspects,
    meter,
    log,
    settle: (command) => shared.settle(client.name, command),
    now: Date.now,
    random: Math.random,
  });
  return { delivery, worker, http };
}
