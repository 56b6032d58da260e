import { isOnPath, run, SetupError, say } from './shell.mjs';

const APT_OPTIONS = ['-qq', '-o', 'DPkg::Lock::Timeout=120'];
/** Tried in turn; `refresh` runs where the first try fails, as it does with package lists that are old or absent. */
const PACKAGE_MANAGERS = [
  {
    command: 'apt-get',
    install: [...APT_OPTIONS, 'install', '-y', '--no-install-recommends', 'redis-server'],
    refresh: [...APT_OPTIONS, 'update'],
    byHand: 'sudo apt-get install redis-server',
  },
  { command: 'dnf', install: ['install', '-y', '-q', 'redis'], byHand: 'sudo dnf install redis' },
  { command: 'apk', install: ['add', '--no-cache', 'redis'], byHand: 'sudo apk add redis' },
  { command: 'brew', install: ['install', '--quiet', 'redis'], byHand: 'brew install redis', asUser: true },
];

/** The words to put before a package manager's command, or undefined where it may not be used. */
function privilege(manager) {
  if (manager.asUser === true || process.getuid?.() === 0) return [];
  if (isOnPath('sudo') && run('sudo', ['-n', 'true']).ok) return ['sudo', '-n'];
  return undefined;
}

/** Uses one package manager; returns what went wrong, or undefined. */
function installRedisWith(manager, prefix) {
  say(`redis-server is missing: installing it with ${manager.command}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive', HOMEBREW_NO_AUTO_UPDATE: '1', NONINTERACTIVE: '1' };
  // sudo clears the environment, so what apt-get has to know travels as an argument.
  const words = prefix.length > 0 ? [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive'] : [];
  const use = (args) => {
    const [command, ...rest] = [...words, manager.command, ...args];
    return run(command, rest, env);
  };
  let result = use(manager.install);
  if (!result.ok && manager.refresh) {
    use(manager.refresh);
    result = use(manager.install);
  }
  if (isOnPath('redis-server')) return undefined;
  process.stderr.write(result.output);
  return `${manager.command} ${result.how}`;
}

/** Installs redis-server where it is missing; throws a SetupError that says how to do it by hand. */
export function installRedis() {
  if (isOnPath('redis-server')) return;
  const present = PACKAGE_MANAGERS.filter((manager) => isOnPath(manager.command));
  const failures = [];
  for (const manager of present) {
    const prefix = privilege(manager);
    const failure = prefix
      ? installRedisWith(manager, prefix)
      : `${manager.command} needs root, or sudo without a password`;
    if (failure === undefined) return;
    failures.push(failure);
  }
  const byHand = present[0]
    ? `run: ${present[0].byHand}`
    : 'install Redis 6.2 or later so that redis-server is on the PATH';
  const why = failures.length > 0 ? ` and could not be installed (${failures.join('; ')})` : '';
  throw new SetupError(`redis-server is missing${why}; ${byHand}`);
}
