import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parseConfig } from '../../../src/config/load-config.ts';
import { bufferedStdout, createLog } from '../../../src/log.ts';
import { type Engine, startEngine } from '../../../src/service/engine.ts';
import { serve } from '../child.ts';
import type { EngineCommands } from './protocol.ts';

/*
 * The process of one engine: `engine-process.js engine`.
 */

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
let engine: Engine | undefined;

serve<EngineCommands>({
  async start({ config, redisSocket }) {
    const log = createLog({ level: 'info', destination: bufferedStdout() });
    engine = await startEngine({
      config: parseConfig(config, 'waybill.yaml', {}),
      redis: { socketPath: redisSocket },
      log,
    });
  },
  async use(collect) {
    if (collect) collectGarbage();
    const { user, system } = process.cpuUsage();
    return { rssBytes: process.memoryUsage.rss(), cpuMs: (user + system) / 1_000 };
  },
  async stop() {
    await engine?.stop(0);
  },
});
