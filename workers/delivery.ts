import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Logger } from 'pino';
import { type Engine, startEngine } from '../src/app.ts';
import { loadConfig } from '../src/config.ts';
import type { Config } from '../src/core/config-schema.ts';
import { logEmbeddedRedis } from '../src/embedded-redis-log.ts';
import { endOnCrash, stopSignal } from '../src/lifecycle.ts';
import { bufferedStdout, createLog } from '../src/log.ts';
import { openRedisAccess, type RedisAccess } from '../src/redis-access.ts';

/** How long a stop waits for the embedded Redis to let it go. */
const RELEASE_MS = 3_000;
/** How long a stop waits for a start that is under way. */
const BEGIN_MS = 3_000;

/** Delivery workers that run, until they are stopped. */
export interface DeliveryWorkers {
  /** Finishes the requests under way within the configured grace period and puts the rest back. */
  stop(): Promise<void>;
}

/** Runs the delivery workers of all clients in this process. */
export async function runDeliveryWorkers(config: Config, log: Logger): Promise<DeliveryWorkers> {
  const access = await openRedisAccess(config, logEmbeddedRedis(log));
  let engine: Engine;
  try {
    engine = await startEngine({ config, redis: access.location, log });
  } catch (error) {
    await access.release();
    throw error;
  }
  return {
    async stop() {
      await engine.stop(config.shutdownGraceMs);
      await release(access, log);
    },
  };
}

/** A server that does not answer is left running, for whoever comes next: a stop does not wait for it. */
async function release(access: RedisAccess, log: Logger): Promise<void> {
  const released = access.release().then(
    () => true,
    (error: unknown) => {
      log.warn({ err: error }, 'embedded redis could not be stopped');
      return true;
    },
  );
  const done = await Promise.race([released, setTimeout(RELEASE_MS, false, { ref: false })]);
  if (!done) log.warn({}, 'embedded redis does not answer and is left running');
}

/**
 * Runs the delivery workers until they are asked to stop, and stops them in good order. A signal may come while
 * Redis is still waited for: then nothing is under way.
 *
 * @returns what asked
 */
export async function deliverUntil(
  stopped: Promise<NodeJS.Signals>,
  config: Config,
  log: Logger,
): Promise<NodeJS.Signals> {
  const starting = runDeliveryWorkers(config, log);
  const workers = await Promise.race([starting, stopped.then(() => undefined)]);
  const signal = await stopped;
  log.info({ signal, graceMs: config.shutdownGraceMs }, 'stopping');
  await (workers ?? (await shortlyBegun(config, starting)))?.stop();
  log.info({}, 'stopped');
  return signal;
}

/** The workers that a signal met while they started: an embedded Redis that comes up now has to be let go. */
async function shortlyBegun(config: Config, starting: Promise<DeliveryWorkers>) {
  if (config.redis !== undefined) return undefined;
  return Promise.race([starting.catch(() => undefined), setTimeout(BEGIN_MS, undefined)]);
}

/** As a process of its own: `node dist/workers/delivery.js waybill.yaml`. */
async function main(file: string): Promise<void> {
  endOnCrash();
  const log = createLog({
    level: process.env['WAYBILL_LOG_LEVEL'] ?? 'info',
    pretty: false,
    destination: bufferedStdout(),
  });
  const signal = await deliverUntil(stopSignal(), loadConfig(file), log);
  // Whatever still holds the event loop has nothing left to do.
  process.exit(signal === 'SIGPIPE' ? 1 : 0);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main(process.argv[2] ?? 'waybill.yaml');
}
