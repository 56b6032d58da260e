import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { testDirectory } from './waybill-process.ts';

/** The options of a `waybill` process for one client, which reaches Redis by this socket. */
export function configFor(name: string, settings: unknown, socketPath: string): string[] {
  const file = join(testDirectory(), 'waybill.yaml');
  writeFileSync(file, stringify({ redis: { url: socketPath }, clients: { [name]: settings } }));
  return ['--config', file];
}
