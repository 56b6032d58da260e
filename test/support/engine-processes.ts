import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { ClientSettings } from '../../src/sandbox/company.ts';
import { type NodeProcess, startNode } from './node-process.ts';
import { testRedisPath } from './redis.ts';
import { testDirectory } from './waybill-process.ts';

const SCRIPT = fileURLToPath(new URL('./engine-process.mjs', import.meta.url));
/** A lost process is noticed within three seconds, not forty. */
const LOCK = { durationMs: 2_000, stalledIntervalMs: 300 };

/** An event that ends the process which handles it, as it is sent or as its answer comes in. */
export interface Poison {
  readonly event: string;
  readonly when: 'sending' | 'answered';
}

/** Engines in processes of their own, for these clients by name; with locks that soon run out. */
export function engineProcesses(clients: Readonly<Record<string, ClientSettings>>): {
  start(poison?: Poison): NodeProcess;
} {
  const file = join(testDirectory(), 'waybill.yaml');
  writeFileSync(file, stringify({ clients }));
  return {
    start(poison) {
      const settings = {
        file,
        socketPath: testRedisPath(),
        lock: LOCK,
        poison: poison?.event,
        when: poison?.when,
      };
      return startNode([SCRIPT, JSON.stringify(settings)]);
    },
  };
}
