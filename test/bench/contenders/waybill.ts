import { bufferedStdout, createLog } from '../../../src/log.ts';
import { type Engine, startEngine } from '../../../src/service/engine.ts';
import type { Places } from '../protocol.ts';
import type { Sender } from '../sender.ts';
import { benchConfig } from './waybill-config.ts';

const GRACE_MS = 10_000;

/** Waybill's engine as `start` runs it: its log at info, on stdout, which is a file here. */
export function createWaybillSender({ port, redisSocket, settings }: Places): Sender {
  const config = benchConfig(port, settings);
  const log = createLog({ level: 'info', destination: bufferedStdout() });
  let engine: Engine | undefined;

  return {
    async prepare() {},
    async start() {
      engine = await startEngine({ config, redis: { socketPath: redisSocket }, log });
    },
    async stop() {
      await engine?.stop(GRACE_MS);
    },
  };
}
