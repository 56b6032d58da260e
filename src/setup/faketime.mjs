import { installCommand } from './packages.mjs';
import { isOnPath, say } from './shell.mjs';

const FAKETIME = {
  command: 'faketime',
  packages: { 'apt-get': 'faketime', dnf: 'libfaketime', apk: 'libfaketime' },
};

/** Whether the tests that set the wall clock have to do without; they run on Linux only. */
export function lacksFaketime() {
  return process.platform === 'linux' && !isOnPath(FAKETIME.command);
}

/** Installs libfaketime where it is missing. Without it a few tests are skipped: that is said, and no failure. */
export function installFaketime() {
  if (!lacksFaketime()) return;
  const missing = installCommand(FAKETIME);
  if (!missing) return;
  const why =
    missing.failures.length > 0 ? ` and could not be installed (${missing.failures.join('; ')})` : '';
  const byHand = missing.byHand ? `; to run them: ${missing.byHand}` : '';
  say(`faketime is missing${why}: the tests that set the wall clock will be skipped${byHand}`);
}
