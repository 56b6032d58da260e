import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UsageError } from './run-command.ts';

/** Payloads belong to the clients: other users of the machine must not read them. */
const OWNER_ONLY = 0o600;

/** Writes texts to stdout, each when it can take more. */
export async function writeToStdout(texts: AsyncIterable<string>): Promise<void> {
  for await (const text of texts) if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

/**
 * Writes texts to a new file, which is opened before the first is asked for. It gets its name when it is complete
 * and on the disk: after `discard` it is the only copy. An existing file may be such a copy, and stays.
 *
 * @throws UsageError if the file exists, or cannot be written; errors of the texts, and nothing is left then
 */
export async function writeToFile(name: string, texts: AsyncIterable<string>): Promise<void> {
  const file = resolve(name);
  if (existsSync(file)) throw new UsageError(`${file} exists already; it was left as it is`);
  const part = `${file}.${process.pid}.part`;
  const handle = await open(part, 'wx', OWNER_ONLY).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${file} cannot be written (${error.code})`);
  });
  try {
    for await (const text of texts) await handle.appendFile(text);
    await handle.sync();
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}
