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

/** As a process of its own: `node dist/workers/delivery.js waybill.yaml`. */
async function main(file: string): Promise<void> {
  endOnCrash();
  const log = createLog({
    level: process.env['WAYBILL_LOG_LEVEL'] ?? 'info',
    pretty: false,
    destination: bufferedStdout(),
  });
  const stopped = stopSignal();
  const workers = await runDeliveryWorkers(loadConfig(file), log);
  const signal = await stopped;
  log.info({ signal }, 'stopping');
  await workers.stop();
  log.info({}, 'stopped');
  if (signal === 'SIGPIPE') process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main(process.argv[2] ?? 'waybill.yaml');
}
