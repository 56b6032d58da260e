import { randomUUID } from 'node:crypto';
import { Authorizers } from '../auth/authorizers.ts';
import type { CertificateFacts } from '../config/certificates.ts';
import { asksForTokens } from '../config/client-config.ts';
import type { Config, ResolvedClient, ResolvedEndpoint } from '../config/config-schema.ts';
import { type ClientMeter, DeliveryMeter } from '../core/delivery-meter.ts';
import type { Log } from '../core/log.ts';
import { atMost } from '../core/time.ts';
import { Unsettled } from '../delivery/batch-ledger.ts';
import { EndpointDelivery } from '../delivery/deliver-endpoint.ts';
import { Gate } from '../delivery/gate.ts';
import { Hold } from '../delivery/hold.ts';
import { type AttemptParts, createAttempt, type MakeAttempt } from '../delivery/make-attempt.ts';
import { Pace } from '../delivery/pace.ts';
import { Pacing, type ReserveSends } from '../delivery/pacing.ts';
import { type BatchWorkers, createBatchWorkers } from '../queue/batch-workers.ts';
import { closeRedis, onAllReady, openRedis } from '../queue/connections.ts';
import { type Endpoint, LOCK_TIMING, type LockTiming, rateKey } from '../queue/names.ts';
import { tellPace, writeVerdict } from '../queue/pace-store.ts';
import type { RedisLocation } from '../queue/redis-options.ts';
import { reserveSends } from '../queue/reserve-sends.ts';
import { type Connection, isCluster, lossesOf } from '../queue/servers.ts';
import { type SettleCommand, type Settled, settle } from '../queue/settle.ts';
import type { BatchWorker } from '../queue/take.ts';
import { untilWritable } from '../queue/until-writable.ts';
import { markWithheld } from '../queue/withheld-mark.ts';
import { VERSION } from '../version.ts';
import { type ClientParts, openClientParts } from './client-parts.ts';
import { createErrorSpacing } from './error-spacing.ts';
import { keepPruning } from './keep-pruning.ts';

/** How long a stop waits, beyond the grace period, for deliveries to be written down. */
const SETTLE_MS = 5_000;
/** How long a stop waits for what depends on a Redis that was closed. */
const CLOSED_MS = 500;

/** How long a start waits for all masters of a Cluster. */
const MASTERS_MS = 5_000;

/** What the engine runs with. */
export interface EngineOptions {
  readonly config: Config;
  readonly redis: RedisLocation;
  readonly log: Log;
  /** How batches are held, and lost processes noticed; default: `LOCK_TIMING`. */
  readonly lock?: LockTiming;
  /** Makes the attempts, for who measures them; default: `createAttempt`. */
  readonly attempts?: (parts: AttemptParts) => MakeAttempt;
  /** Told how long each request for a token took, in milliseconds. */
  readonly onTokenRequest?: (ms: number) => void;
  readonly onPeerCertificates?: OnPeerCertificates | undefined;
}

/** Told which certificates a client's server, as host:port, has shown, its own first. */
export type OnPeerCertificates = (client: string, peer: string, chain: readonly CertificateFacts[]) => void;

/** Starts delivering to all clients of a configuration. @throws errors of Redis at the first connection */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const engine = new Engine(options);
  await engine.start();
  return engine;
}

/** The delivery workers of all clients, in this process. */
export class Engine {
  /** What this process counts of its deliveries. */
  readonly meter = new DeliveryMeter();
  readonly #options: EngineOptions;
  readonly #redis: Connection;
  readonly #authorizers: Authorizers;
  readonly #workers: BatchWorkers;
  readonly #errors: ReturnType<typeof createErrorSpacing>;
  readonly #suspects = new Set<object>();
  /** No other process has this name. */
  readonly #name = randomUUID();
  readonly #shortages = new Set<string>();
  readonly #clients = new Map<string, ClientParts>();
  readonly #endpoints: { readonly delivery: EndpointDelivery; readonly worker: BatchWorker }[] = [];
  #stopPruning = (): void => {};
  #isClosed = false;

  constructor(options: EngineOptions) {
    const { config, redis: location, log, lock = LOCK_TIMING } = options;
    this.#options = options;
    this.#errors = createErrorSpacing((error, unreported) =>
      log.warn({ reason: error.message, unreported }, 'redis error'),
    );
    const redis = openRedis(location, 'worker', this.#errors.add);
    onAllReady(redis, () => {
      if (this.#errors.over()) log.info({}, 'redis is back');
    });
    this.#redis = redis;
    this.#authorizers = new Authorizers({ redis, log, secretKey: config.secretKey });
    this.#workers = createBatchWorkers({ redis, lock, onError: this.#errors.add, now: Date.now });
    for (const client of Object.values(config.clients)) this.#addClient(client);
  }

  async start(): Promise<void> {
    const { config, log } = this.#options;
    const starts = Promise.all(this.#endpoints.map(({ delivery }) => delivery.start()));
    starts.catch((error) => this.#isClosed || this.#errors.add(error));
    // A master that is away keeps its own clients waiting, and no others.
    await (isCluster(this.#redis) ? atMost(MASTERS_MS, starts) : starts);
    this.#workers.start();
    this.#stopPruning = keepPruning(config, this.#redis, log, Date.now);
    log.info({ clients: Object.keys(config.clients), version: VERSION }, 'delivering');
  }

  /** Opens connections to this client with its present TLS settings from now on. */
  renewTls(client: ResolvedClient): void {
    this.#clients.get(client.name)?.renewTls(client);
  }

  /** Finishes the requests under way within `graceMs`, puts the rest back, and closes everything. */
  async stop(graceMs: number): Promise<void> {
    this.#stopPruning();
    const stops = Promise.all(this.#endpoints.map(({ delivery }) => delivery.stop(graceMs)));
    await atMost(graceMs + SETTLE_MS, stops);
    this.#isClosed = true;
    this.#workers.close();
    await this.#authorizers.close();
    // If Redis is away, what waits for it ends here; the locks run out and the batches are taken over.
    closeRedis(this.#redis);
    // What was to be sent again once a lost connection was back is never answered: ioredis forgets it.
    await atMost(CLOSED_MS, stops);
    await Promise.all(this.#endpoints.map(({ worker }) => worker.close()));
    await Promise.all([...this.#clients.values()].map((parts) => parts.close()));
  }

  /** Adds a client, whose endpoints share its connections, its authorization and its rate limit. */
  #addClient(client: ResolvedClient): void {
    const endpoints = Object.values(client.endpoints);
    const connections = endpoints.reduce((sum, { concurrency }) => sum + concurrency, 0);
    const meter = this.meter.client(client.name);
    if (asksForTokens(client.auth)) meter.expectTokens();
    const { onTokenRequest, onPeerCertificates } = this.#options;
    const parts = openClientParts(client, connections, this.#authorizers, {
      onTokenRequest,
      onPeerCertificates: onPeerCertificates && ((...shown) => onPeerCertificates(client.name, ...shown)),
      onAsked: (outcome) => meter.asked(outcome),
    });
    const pacing = this.#pacingOf(client.ratePerSecond, rateKey(client.name));
    this.#clients.set(client.name, parts);
    for (const endpoint of endpoints) this.#addEndpoint(endpoint, parts.attempt, meter, pacing);
  }

  #pacingOf(ratePerSecond: number | undefined, key: string): Pacing | undefined {
    if (ratePerSecond === undefined) return undefined;
    const reserve: ReserveSends = (rate, count) => reserveSends(this.#redis, key, rate, count);
    return new Pacing({
      ratePerSecond,
      reserve,
      monotonicNow: () => performance.now(),
      onError: this.#errors.add,
    });
  }

  #addEndpoint(
    endpoint: ResolvedEndpoint,
    parts: ClientParts['attempt'],
    meter: ClientMeter,
    pacing: Pacing | undefined,
  ): void {
    const { client, type, concurrency, timeoutMs, headers = [], secretHeaders = [] } = endpoint;
    const { log, attempts = createAttempt } = this.#options;
    const own = this.#pacingOf(endpoint.ratePerSecond, rateKey(client, type));
    const pacings = [own, pacing].filter((one) => one !== undefined);
    const pace = this.#paceOf(endpoint, (takes) => {
      gate.look();
      if (takes) worker.hear(0);
    });
    const gate = new Gate(concurrency, pacings, pace);
    const worker = this.#workers.create(endpoint, {
      onLockLost: (jobId) => delivery.lose(jobId),
      onStalled: (batch) => log.warn({ client, type, batch }, 'batch taken over from a lost process'),
      onVerdict: (verdict) => pace.exchange.learn(verdict),
      onWaits: (waits) => pace.heardWaits(waits),
    });
    const delivery = new EndpointDelivery({
      endpoint,
      source: worker,
      attempt: attempts({
        ...parts,
        headers,
        secretHeaders,
        timeoutMs,
        takeTurn: () => gate.turn(),
        userAgent: `waybill/${VERSION}`,
        now: Date.now,
        monotonicNow: () => performance.now(),
      }),
      gate,
      pace,
      hold: new Hold({
        endpoint,
        gate,
        pace,
        log,
        shortages: this.#shortages,
        mark: (mark) => void markWithheld(this.#redis, endpoint, mark).catch(this.#errors.add),
      }),
      unsettled: new Unsettled(),
      suspects: this.#suspects,
      meter,
      log,
      settle: (command) => this.#settleWithNews(endpoint, command, pace),
      now: Date.now,
      random: Math.random,
    });
    this.#endpoints.push({ delivery, worker });
  }

  #paceOf(endpoint: ResolvedEndpoint, onChange: (takes: boolean) => void): Pace {
    const redis = this.#redis;
    return new Pace({
      endpoint,
      name: this.#name,
      log: this.#options.log,
      tell: (news, want) => tellPace(redis, endpoint, news, want),
      write: (next, forgetsSums) => writeVerdict(redis, endpoint, next, forgetsSums),
      onChange,
      onError: (error) => {
        if (!this.#isClosed) this.#errors.add(error);
      },
      now: Date.now,
      monotonicNow: () => performance.now(),
    });
  }

  /** Settles, and tells news of the endpoint in the same step. */
  async #settleWithNews(endpoint: Endpoint, command: SettleCommand, pace: Pace): Promise<Settled> {
    const news = pace.exchange.newsToSettle();
    if (news === undefined) return this.#settle(endpoint, command);
    const settled = await this.#settle(endpoint, { ...command, news });
    if (settled.pace !== undefined) void pace.exchange.hear(settled.pace, news);
    return settled;
  }

  #settle(endpoint: Endpoint, command: SettleCommand): Promise<Settled> {
    const redis = this.#redis;
    const name = randomUUID();
    const losses = lossesOf(redis);
    const { keepDeliveredHours } = this.#options.config;
    return untilWritable(
      () => settle(redis, endpoint, command, name, keepDeliveredHours, losses),
      () => this.#isClosed,
      this.#errors.add,
    );
  }
}
