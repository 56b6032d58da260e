import { installCommand } from './packages.mjs';
import { SetupError } from './shell.mjs';

const REDIS = {
  command: 'redis-server',
  packages: { 'apt-get': 'redis-server', dnf: 'redis', apk: 'redis', brew: 'redis' },
};

/** Installs redis-server where it is missing; throws a SetupError that says how to do it by hand. */
export function installRedis() {
  const missing = installCommand(REDIS);
  if (!missing) return;
  const byHand = missing.byHand
    ? `run: ${missing.byHand}`
    : 'install Redis 6.2 or later so that redis-server is on the PATH';
  const { failures } = missing;
  const why = failures.length > 0 ? ` and could not be installed (${failures.join('; ')})` : '';
  throw new SetupError(`redis-server is missing${why}; ${byHand}`);
}
