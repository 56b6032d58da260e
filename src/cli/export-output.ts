import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UsageError } from './run-command.ts';

/** The destination of an export. */
export interface ExportOutput {
  /** Resolves when the destination can take more. */
  write(text: string): Promise<void>;
  /** Ends a complete export. */
  finish(): Promise<void>;
  /** Removes what was written so far; after `finish` it does nothing. */
  abandon(): Promise<void>;
}

/** Payloads belong to the clients: other users of the machine must not read them. */
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
 * A file that gets its name when it is complete and on the disk: after `discard` it is the only copy. An existing file
 * may be such a copy, and stays.
 *
 * @throws UsageError if it exists, or cannot be written
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
