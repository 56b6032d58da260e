import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { stringify } from 'yaml';
import type { EventTypeName } from '../../src/core/event-types.ts';
import { numberedEvents } from './events.ts';
import { testRedisPath } from './redis.ts';
import { runWaybill, startWaybill, testDirectory, type WaybillProcess } from './waybill-process.ts';

/** A directory whose configuration a test can change, and the commands that run in it. */
export interface ServicePlace {
  readonly file: string;
  /** Writes the configuration: these clients on the run's Redis, and other settings. */
  configure(clients: Readonly<Record<string, unknown>>, others?: object): void;
  start(workers: number, ...more: string[]): WaybillProcess;
  /** Sends the events about units `from` to `from + count - 1`; fails where one is not taken. */
  send(client: string, count: number, from?: number): Promise<void>;
}

const TYPE: EventTypeName = 'disposition_update';

/** Makes one; it is gone when the test is over. */
export function servicePlace(): ServicePlace {
  const directory = testDirectory();
  const file = join(directory, 'waybill.yaml');
  return {
    file,
    configure: (clients, others = {}) =>
      writeFileSync(file, stringify({ redis: { url: testRedisPath() }, clients, ...others })),
    start: (workers, ...more) =>
      startWaybill(['start', '--workers', String(workers), ...more], { directory }),
    async send(client, count, from = 0) {
      const input = numberedEvents(TYPE, count, from).map((event) => `${JSON.stringify(event)}\n`);
      const sent = await runWaybill(['send', client, TYPE, '-'], { directory, input: input.join('') });
      expect(sent).toMatchObject({ code: 0 });
    },
  };
}
