import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from '../run-command.ts';

/** Before anything is sent: what was measured in a quarter of an hour is not to be lost for a wrong path. @throws UsageError */
export function expectWritable(file: string): void {
  const exists = existsSync(file);
  if (exists && statSync(file).isDirectory()) throw new UsageError(`${file} is a directory, not a file`);
  try {
    accessSync(exists ? file : dirname(file), constants.W_OK);
  } catch (error) {
    throw new UsageError(`${file} cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
}
