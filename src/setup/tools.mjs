import { isOnPath, run, SetupError, say } from './shell.mjs';

const APT_OPTIONS = ['-qq', '-o', 'DPkg::Lock::Timeout=120'];
/** The first that is there is used; `refresh` runs if the first try fails, as it does with old or no package lists. */
const PACKAGE_MANAGERS = [
  {
    command: 'apt-get',
    install: [...APT_OPTIONS, 'install', '-y', '--no-install-recommends'],
    refresh: [...APT_OPTIONS, 'update'],
    byHand: 'sudo apt-get install',
  },
  { command: 'dnf', install: ['install', '-y', '-q'], byHand: 'sudo dnf install' },
  { command: 'apk', install: ['add', '--no-cache'], byHand: 'sudo apk add' },
  { command: 'brew', install: ['install', '--quiet'], byHand: 'brew install', asUser: true },
];

/** Commands, and their packages by package manager. `tests` can do without: elsewhere than on Linux they do. */
const TOOLS = [
  {
    command: 'redis-server',
    packages: { 'apt-get': 'redis-server', dnf: 'redis', apk: 'redis', brew: 'redis' },
  },
  {
    command: 'faketime',
    packages: { 'apt-get': 'faketime', dnf: 'libfaketime', apk: 'libfaketime' },
    tests: 'the tests that set the wall clock',
  },
  {
    command: 'chromium',
    otherNames: ['chromium-browser', 'google-chrome'],
    packages: { 'apt-get': 'chromium', dnf: 'chromium', apk: 'chromium' },
    tests: 'the tests that look at pages',
  },
  {
    command: 'tinyproxy',
    packages: { 'apt-get': 'tinyproxy-bin', dnf: 'tinyproxy', apk: 'tinyproxy' },
    tests: 'the tests of proxies',
  },
  {
    command: 'nginx',
    packages: { 'apt-get': 'nginx-light', dnf: 'nginx', apk: 'nginx' },
    tests: 'the tests against nginx',
  },
  {
    command: 'openssl',
    packages: { 'apt-get': 'openssl', dnf: 'openssl', apk: 'openssl' },
    tests: 'the tests of TLS alerts',
  },
];

/** @param {boolean} withRedis @param {boolean} withTests which tools are wanted @returns those that are missing */
export function missingTools(withRedis, withTests) {
  return TOOLS.filter(({ command, otherNames = [], tests }) => {
    const isWanted = tests === undefined ? withRedis : withTests && process.platform === 'linux';
    return isWanted && ![command, ...otherNames].some(isOnPath);
  });
}

/**
 * Installs a tool by the machine's package manager. Without one for tests a few tests are skipped, which it says;
 * without another one it throws a SetupError that says how to install it by hand.
 */
export function installTool(tool) {
  const { command, packages, tests } = tool;
  // Another set-up may have done it meanwhile.
  if (isOnPath(command)) return;
  const manager = PACKAGE_MANAGERS.find((one) => packages[one.command] && isOnPath(one.command));
  const failure = manager && installWith(manager, tool);
  if (isOnPath(command)) return;
  const missing = `${command} is missing${failure ? ` and could not be installed (${failure})` : ''}`;
  const byHand = manager && `${manager.byHand} ${packages[manager.command]}`;
  if (tests === undefined) {
    const otherwise = 'install Redis 6.2 or later so that redis-server is on the PATH';
    throw new SetupError(`${missing}; ${byHand ? `run: ${byHand}` : otherwise}`);
  }
  say(`${missing}: ${tests} will be skipped${byHand ? `; to run them: ${byHand}` : ''}`);
}

/** @returns {string} what went wrong, if the command is not there afterwards */
function installWith(manager, { command: wanted, packages }) {
  const isRoot = manager.asUser === true || process.getuid?.() === 0;
  if (!isRoot && !(isOnPath('sudo') && run('sudo', ['-n', 'true']).ok)) {
    return `${manager.command} needs root, or sudo without a password`;
  }
  say(`${wanted} is missing: installing it with ${manager.command}`);
  // sudo clears the environment, so what apt-get has to know travels as an argument.
  const prefix = isRoot ? [] : ['sudo', '-n', 'env', 'DEBIAN_FRONTEND=noninteractive'];
  const use = (args) => {
    const [command, ...rest] = [...prefix, manager.command, ...args];
    return run(command, rest);
  };
  const install = [...manager.install, packages[manager.command]];
  let result = use(install);
  if (!result.ok && manager.refresh) {
    use(manager.refresh);
    result = use(install);
  }
  if (!isOnPath(wanted)) process.stderr.write(result.output);
  return `${manager.command} ${result.how}`;
}
