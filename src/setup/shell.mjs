import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A failure that the reader can act on; anything else is a bug and shows its stack. */
export class SetupError extends Error {}

/** @param {string} line */
export function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

/** What keeps package managers from asking. */
const QUIET = { DEBIAN_FRONTEND: 'noninteractive', HOMEBREW_NO_AUTO_UPDATE: '1', NONINTERACTIVE: '1' };

/** Runs a command to its end, without a terminal to ask on. @param {string} command @param {string[]} args */
export function run(command, args) {
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, ...QUIET },
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = `${stdout ?? ''}${stderr ?? ''}${error ? `${error.message}\n` : ''}`;
  return { ok: status === 0, output, how: signal ? `was ended by ${signal}` : `ended with ${status}` };
}

/** @param {string} command */
export function isOnPath(command) {
  const places = (process.env.PATH ?? '').split(delimiter).filter((place) => place !== '');
  return places.some((place) => {
    try {
      accessSync(join(place, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
