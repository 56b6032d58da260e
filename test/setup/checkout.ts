import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type NodeProcess, startNode } from '../support/node-process.ts';
import { testDirectory } from '../support/waybill-process.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

/** Stands for npm: installs a compiler, a bundler and a style sheet, as the lock file says. */
const NPM = `
import { appendFileSync, copyFileSync, mkdirSync, rmSync, existsSync, writeFileSync } from 'node:fs';
appendFileSync('calls', 'npm ' + process.argv[2] + '\\n');
if (existsSync('npm-fails')) { console.error('npm error code E500'); process.exit(7); }
rmSync('node_modules', { recursive: true, force: true });
mkdirSync('node_modules/typescript/bin', { recursive: true });
writeFileSync('node_modules/typescript/package.json', '{}');
copyFileSync('tsc.cjs', 'node_modules/typescript/bin/tsc');
mkdirSync('node_modules/rolldown');
writeFileSync('node_modules/rolldown/package.json', '{ "type": "module", "exports": "./index.js" }');
copyFileSync('rolldown.js', 'node_modules/rolldown/index.js');
mkdirSync('node_modules/uplot/dist', { recursive: true });
writeFileSync('node_modules/uplot/dist/uPlot.min.css', '');
copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
`;

/** Stands for the compiler: copies one source, unless that says that it is broken. */
const TSC = `
const { appendFileSync, mkdirSync, readFileSync, writeFileSync } = require('node:fs');
appendFileSync('calls', 'tsc\\n');
const source = readFileSync('src/cli/main.ts', 'utf8');
if (source.includes('broken')) { console.log('src/cli/main.ts(1,1): error TS1'); process.exit(2); }
const out = process.argv[process.argv.indexOf('--outDir') + 1];
mkdirSync(out + '/src/cli', { recursive: true });
writeFileSync(out + '/src/cli/main.js', source);
`;

/** Stands for the bundler, which leaves all as it is. */
const ROLLDOWN = `
import { appendFileSync, mkdirSync } from 'node:fs';
export async function build({ output }) {
  appendFileSync('calls', 'rolldown\\n');
  mkdirSync(output.dir + '/src/bundled', { recursive: true });
  return { output: [] };
}
`;

/** Stands for apt-get: the first installation fails for want of package lists where \`lists\` is missing. */
const APT_GET = `#!/bin/sh
case "$*" in
  *update*) echo 'apt-get update' >> calls; : > lists ;;
  *install*)
    echo "apt-get install $DEBIAN_FRONTEND" >> calls
    [ -e lists ] || { echo 'E: Unable to locate package' >&2; exit 100; }
    for package; do :; done
    # Debian's name of nginx-light's and tinyproxy-bin's command.
    command=\${package%-*}; [ "$package" = redis-server ] && command=redis-server
    printf '#!/bin/sh\\n' > "$BIN/$command"; /bin/chmod 755 "$BIN/$command" ;;
esac
`;

/** A checkout with the real set-up in it, and stand-ins for all that this calls. */
export interface Checkout {
  readonly directory: string;
  /** The stand-ins that were called, in order; emptied by reading. */
  calls(): string[];
  write(path: string, text: string): void;
  read(path: string): string;
  setUp(...args: string[]): NodeProcess;
  /** Puts a command on the search path. */
  addCommand(name: string, text: string): void;
}

/** Makes one in a directory that is removed when the test is over. Its machine has no commands yet. */
export function makeCheckout(): Checkout {
  const directory = testDirectory();
  const bin = join(directory, 'bin');
  const write = (path: string, text: string) => writeFileSync(join(directory, path), text);
  const read = (path: string) => readFileSync(join(directory, path), 'utf8');
  for (const folder of ['cli', 'console']) mkdirSync(join(directory, 'src', folder), { recursive: true });
  mkdirSync(bin);
  for (const path of ['src/setup.mjs', 'src/setup']) {
    cpSync(join(REPOSITORY, path), join(directory, path), { recursive: true });
  }
  const manifest = { devDependencies: { typescript: '7' } };
  write('package.json', JSON.stringify({ type: 'module', ...manifest }));
  const packages = { '': manifest, 'node_modules/typescript': { version: '7.0.2' } };
  write('package-lock.json', JSON.stringify({ packages }));
  write('src/cli/main.ts', 'export const one = 1;');
  write('src/console/style.css', '');
  write('src/console/index.html', '');
  write('npm.js', NPM);
  write('tsc.cjs', TSC);
  write('rolldown.js', ROLLDOWN);
  write('calls', '');
  const env = { PATH: bin, BIN: bin, npm_execpath: join(directory, 'npm.js') };
  return {
    directory,
    write,
    read,
    calls() {
      const calls = read('calls').split('\n').slice(0, -1);
      write('calls', '');
      return calls;
    },
    setUp: (...args) =>
      startNode([...args.filter(isNodeOption), 'src/setup.mjs', ...args], { cwd: directory, env }),
    addCommand: (name, text) => writeFileSync(join(bin, name), text, { mode: 0o755 }),
  };
}

/** Gives a checkout's machine Debian's package manager, with leave to use it whoever runs the tests. */
export function addAptGet(checkout: Checkout): void {
  checkout.addCommand('apt-get', APT_GET);
  checkout.addCommand('sudo', '#!/bin/sh\nshift\nexec "$@"\n');
  for (const name of ['env', 'true']) symlinkSync(`/usr/bin/${name}`, join(checkout.directory, 'bin', name));
}

function isNodeOption(arg: string): boolean {
  return arg.startsWith('--import=');
}
