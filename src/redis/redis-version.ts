import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The oldest Redis that Waybill works with: BullMQ asks for it. */
export const OLDEST_VERSION: readonly [major: number, minor: number] = [6, 2];

/** Whether a version such as `7.0.15` is recent enough; an unreadable one is not. */
export function isSupportedVersion(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor >= OLDEST_VERSION[1]);
}

const TIMEOUT_MS = 5_000;

/** The version of the redis-server on this machine, such as `7.0.15`; undefined: there is none that runs. */
export async function installedServerVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('redis-server', ['--version'], { timeout: TIMEOUT_MS });
    return /\bv=(\d[\w.]*)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}
