import { pathToFileURL } from 'node:url';
import type { Logger } from 'pino';
import { type Engine, startEngine } from '../src/app.ts';
import { loadConfig } from '../src/config.ts';
import type { Config } from '../src/core/config-schema.ts';
import { stopSignal } from '../src/lifecycle.ts';
import { bufferedStdout, createLog } from '../src/log.ts';
import { openRedisAccess } from '../src/redis-access.ts';

/** Delivery workers that run, until they are stopped. */
export interface DeliveryWorkers {
  /** Finishes the requests under way within the configured grace period and puts the rest back. */
  stop(): Promise<void>;
}

/** Runs the delivery workers of all clients in this process. */
export async function runDeliveryWorkers(config: Config, log: Logger): Promise<DeliveryWorkers> {
  const access = await openRedisAccess(config);
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
      await access.release();
    },
  };
}

/** As a process of its own: `node dist/workers/delivery.js waybill.yaml`. */
async function main(file: string): Promise<void> {
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
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main(process.argv[2] ?? 'waybill.yaml');
}
