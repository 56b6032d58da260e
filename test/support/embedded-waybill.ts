import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { dataDirectory } from '../redis/data-dirs.ts';
import { numberedEvents } from './events.ts';
import { runWaybill, startWaybill, type WaybillProcess } from './waybill-process.ts';

/** A configuration without a Redis, in a directory of its own, and the commands that run with it. */
export interface EmbeddedWaybill {
  readonly dataDir: string;
  /** Starts a service with one worker. */
  start(): WaybillProcess;
  run(args: readonly string[]): ReturnType<typeof runWaybill>;
  /** Sends the events about units `from` to `from + count - 1`; `accepted` of them are in Redis then. */
  send(client: string, from: number, count: number): Promise<Sent>;
}

/** What `send --json` said. */
export interface Sent {
  readonly code: number | null;
  readonly accepted: number;
  readonly stderr: string;
}

/** Makes one for these clients; `env` is added to the environment of all commands. */
export function embeddedWaybill(
  clients: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>> = {},
): EmbeddedWaybill {
  const dataDir = dataDirectory('.waybill');
  const directory = join(dataDir, '..');
  writeFileSync(join(directory, 'waybill.yaml'), stringify({ clients }));
  return {
    dataDir,
    start: () => startWaybill(['start', '--workers', '1'], { directory, env }),
    run: (args) => runWaybill(args, { directory, env }),
    async send(client, from, count) {
      const lines = numberedEvents('disposition_update', count, from).map((event) => JSON.stringify(event));
      const args = ['send', client, 'disposition_update', '-', '--json'];
      const { code, stdout, stderr } = await runWaybill(args, { directory, env, input: lines.join('\n') });
      return { code, accepted: JSON.parse(stdout).accepted, stderr };
    },
  };
}
