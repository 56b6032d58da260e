import { installCommand } from './packages.mjs';
import { isOnPath, say } from './shell.mjs';

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
    const { failures, byHand } = missing;
    const why = failures.length > 0 ? ` and could not be installed (${failures.join('; ')})` : '';
    const hint = byHand ? `; to run them: ${byHand}` : '';
    say(`${tool.command} is missing${why}: ${tool.tests} will be skipped${hint}`);
  }
}
