import { installCommand } from './packages.mjs';
import { isOnPath, SetupError, say } from './shell.mjs';

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
  throw new SetupError(`redis-server is missing${missing.why}; ${byHand}`);
}

/** What only tests want, by Linux's package managers: elsewhere it is installed by hand, or done without. */
const TOOLS = [
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
];

function lacking() {
  if (process.platform !== 'linux') return [];
  return TOOLS.filter(({ command, otherNames = [] }) => ![command, ...otherNames].some(isOnPath));
}

/** Whether some tests have to do without what they want. */
export function lacksTestTools() {
  return lacking().length > 0;
}

/** Installs what is missing. Without it a few tests are skipped: that is said, and no failure. */
export function installTestTools() {
  for (const tool of lacking()) {
    const missing = installCommand(tool);
    if (!missing) continue;
    const hint = missing.byHand ? `; to run them: ${missing.byHand}` : '';
    say(`${tool.command} is missing${missing.why}: ${tool.tests} will be skipped${hint}`);
  }
}
