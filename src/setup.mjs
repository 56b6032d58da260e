/*
 * Makes a checkout ready to run: dependencies, dist/, redis-server. It runs before anything is installed,
 * hence plain JavaScript and Node's built-ins only. It speaks on stderr, so that what follows has stdout
 * to itself, and does nothing (in well under a second) where all is there.
 *
 *   node src/setup.mjs [--no-redis] [--tests]
 *
 * --tests adds what only the tests want, and can do without: libfaketime, Chromium, tinyproxy, nginx, openssl.
 */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, run, SetupError, say } from './setup/shell.mjs';
import { installTool, missingTools } from './setup/tools.mjs';

const LEAST_NODE = [20, 19];
/** What goes into dist/: a change in any of these calls for a build. */
const BUILD_INPUTS = [
  'src',
  'workers',
  'test/bench',
  'test/chaos',
  'test/layers',
  'test/simulate',
  'tsconfig.json',
  'package.json',
  'package-lock.json',
];
const STAMP = join(ROOT, 'dist', '.built-from');
const LOCK_WAIT_MS = 600_000;

/** @param {string} path */
function readJson(path) {
  try {
    return JSON.parse(fs.readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_NODE;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return;
  throw new SetupError(
    `Node ${LEAST_NODE.join('.')} or later is needed, and this is ${process.versions.node}`,
  );
}

/** npm keeps in node_modules what it installed there, in the lock file's own form. */
function dependenciesAreInstalled() {
  const wanted = readJson(join(ROOT, 'package-lock.json'))?.packages;
  const present = readJson(join(ROOT, 'node_modules/.package-lock.json'))?.packages;
  if (!wanted || !present) return false;
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '' || (optional && present[path] === undefined)) return true;
    return present[path]?.version === version && fs.existsSync(join(ROOT, path, 'package.json'));
  });
}

function installDependencies() {
  if (dependenciesAreInstalled()) return;
  say('installing dependencies (npm ci)');
  const options = ['ci', '--include=dev', '--include=optional', '--no-progress', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  // npm's own script is run by this Node, whichever `npm` stands on the PATH.
  const ran = npm?.endsWith('.js') ? run(process.execPath, [npm, ...options]) : run('npm', options);
  demand(ran, 'the dependencies could not be installed: npm ci');
}

function demand({ ok, output, how }, what) {
  if (ok) return;
  // Past these lines npm prints its manual.
  process.stderr.write(`${output.split('\n').slice(0, 20).join('\n')}\n`);
  throw new SetupError(`${what} ${how} (its words are above)`);
}

function hashOfSources() {
  const hash = createHash('sha256');
  for (const input of BUILD_INPUTS.filter((path) => fs.existsSync(join(ROOT, path)))) {
    const isFolder = fs.statSync(join(ROOT, input)).isDirectory();
    const below = isFolder ? fs.readdirSync(join(ROOT, input), { recursive: true }).sort() : [''];
    for (const file of below.map((name) => join(input, name))) {
      if (!fs.statSync(join(ROOT, file)).isFile()) continue;
      const content = fs.readFileSync(join(ROOT, file));
      hash.update(`${file}\0${content.length}\0`).update(content);
    }
  }
  return hash.digest('hex');
}

function isBuilt() {
  return fs.existsSync(STAMP) && fs.readFileSync(STAMP, 'utf8') === hashOfSources();
}

/** Builds beside dist/ and swaps: a failed build leaves the old one whole, and nothing stale stays. */
function build() {
  if (isBuilt()) return;
  say('building dist/');
  const sources = hashOfSources();
  const fresh = join(ROOT, 'node_modules', '.cache', 'waybill-build');
  const dist = join(ROOT, 'dist');
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  fs.rmSync(fresh, { recursive: true, force: true });
  demand(run(process.execPath, [tsc, '--noEmitOnError', '--outDir', fresh]), 'the build failed: tsc');
  for (const name of ['bundle.mjs', 'bundle-console.mjs']) {
    const script = join(ROOT, 'src', 'setup', name);
    demand(run(process.execPath, [script, fresh]), `the build failed: src/setup/${name}`);
  }
  fs.chmodSync(join(fresh, 'src', 'cli', 'main.js'), 0o755);
  fs.writeFileSync(join(fresh, '.built-from'), sources);
  // Processes that run from dist/ load more of it later: it is away for a moment only.
  const old = `${fresh}-old`;
  fs.rmSync(old, { recursive: true, force: true });
  if (fs.existsSync(dist)) fs.renameSync(dist, old);
  fs.renameSync(fresh, dist);
  fs.rmSync(old, { recursive: true, force: true });
}

/** Has one set-up of this directory work at a time; a second one waits, and mostly finds all done. */
function alone(work) {
  const name = createHash('sha256').update(ROOT).digest('hex').slice(0, 16);
  const lock = join(tmpdir(), `waybill-setup-${process.getuid?.() ?? 0}-${name}.lock`);
  const deadline = performance.now() + LOCK_WAIT_MS;
  for (let waits = 0; !take(lock); waits++) {
    if (waits === 0) say('another set-up of this directory is at work: waiting for it');
    if (performance.now() > deadline)
      throw new SetupError(`another set-up does not end; if none runs, remove ${lock}`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  try {
    return work();
  } finally {
    fs.rmSync(lock, { force: true });
  }
}

/** Takes the lock, from a dead holder too. @param {string} lock */
function take(lock) {
  try {
    fs.writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  try {
    process.kill(Number(fs.readFileSync(lock, 'utf8')) || process.pid, 0);
  } catch (error) {
    if (error.code === 'ESRCH') fs.rmSync(lock, { force: true });
  }
  return false;
}

try {
  checkNode();
  const missing = missingTools(!process.argv.includes('--no-redis'), process.argv.includes('--tests'));
  if (!dependenciesAreInstalled() || !isBuilt() || missing.length > 0) {
    alone(() => {
      installDependencies();
      build();
      for (const tool of missing) installTool(tool);
    });
    say('ready');
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
