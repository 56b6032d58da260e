import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UsageError } from './run-command.ts';

/** Where an export goes. */
export interface ExportOutput {
  /** Resolves once more can be taken. */
  write(text: string): Promise<void>;
  /** Everything was written. */
  finish(): Promise<void>;
  /** Lets go of what was written so far; after `finish` it does nothing. */
  abandon(): Promise<void>;
}

/** Payloads are the clients' business: nobody else on the machine reads them. */
const OWNER_ONLY = 0o600;

/** Standard output. */
export function exportToStdout(): ExportOutput {
  return {
    async write(text) {
      if (!process.stdout.write(text)) await once(process.stdout, 'drain');
    },
    finish: async () => {},
    abandon: async () => {},
  };
}

/**
 * A file that gets its name when it is whole, and on the disk: whoever discards the dead letters afterwards has
 * nothing else. A file that is there already may be such a one, and stays.
 *
 * @throws UsageError where it exists, or cannot be written
 */
export async function exportToFile(name: string): Promise<ExportOutput> {
  const file = resolve(name);
  if (existsSync(file)) throw new UsageError(`${file} exists already; it was left as it is`);
  const part = `${file}.${process.pid}.part`;
  const handle = await open(part, 'wx', OWNER_ONLY).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${file} cannot be written (${error.code})`);
  });
  let isOpen = true;
  return {
    async write(text) {
      await handle.appendFile(text);
    },
    async finish() {
      await handle.sync();
      await handle.close();
      isOpen = false;
      await rename(part, file);
    },
    async abandon() {
      if (!isOpen) return;
      isOpen = false;
      await handle.close();
      await rm(part, { force: true });
    },
  };
}
