import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const TIMEOUT_MS = 5_000;

/** The version of the redis-server on this machine, such as `7.0.15`; undefined: there is none that runs. */
export async function installedServerVersion(binary = 'redis-server'): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(binary, ['--version'], { timeout: TIMEOUT_MS });
    return /\bv=(\d[\w.]*)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}
