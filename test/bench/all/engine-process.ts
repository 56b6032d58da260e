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
const failures = { first: 0, retries: 0 };
const stdout = bufferedStdout();

/** Counts the failed attempts that the log tells of, and passes every line on. */
const destination = {
  write(line: string): void {
    stdout.write(line);
    if (!line.includes('"msg":"attempt"')) return;
    const { attempt, outcome } = JSON.parse(line) as { attempt: number; outcome: string };
    if (outcome !== 'delivered') failures[attempt === 1 ? 'first' : 'retries'] += 1;
  },
};

serve<EngineCommands>({
  async start({ config, redis }) {
    const log = createLog({ level: 'info', destination });
    engine = await startEngine({
      config: parseConfig(config, 'waybill.yaml', {}),
      redis,
      log,
    });
  },
  async use(collect) {
    if (collect) collectGarbage();
    const { user, system } = process.cpuUsage();
    return { rssBytes: process.memoryUsage.rss(), cpuMs: (user + system) / 1_000 };
  },
  failures: async () => failures,
  async stop() {
    await engine?.stop(0);
  },
});
