/*
 * Puts the command and its worker, which are processes of their own, into few files together with the libraries that
 * they load: reading some 400 files takes most of the time that a short command runs. Programs that import waybill get
 * the files as they are compiled.
 *
 *   node src/setup/bundle.mjs <directory that was compiled into>
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'rolldown';

const ENTRIES = ['src/cli/main', 'workers/delivery'];
/** At the depth of the entries, whose paths to other files hold from there too. */
const CHUNKS = 'src/bundled';
/** What bullmq can do without, and does here. */
const LEFT_OUT = ['msgpackr-extract', 'pg'];

const [, , directory] = process.argv;
const { output } = await build({
  input: Object.fromEntries(ENTRIES.map((name) => [name, join(directory, `${name}.js`)])),
  platform: 'node',
  external: LEFT_OUT,
  // Of a library in two forms, the one whose imports can be read.
  resolve: { mainFields: ['module', 'main'] },
  logLevel: 'warn',
  output: { dir: directory, chunkFileNames: `${CHUNKS}/[name]-[hash].js` },
});
writeFileSync(
  join(directory, CHUNKS, 'LICENSES'),
  licensesOf(output.flatMap(({ moduleIds = [] }) => moduleIds)),
);

/** The licences of all packages that these modules are from. @param {string[]} modules */
function licensesOf(modules) {
  const packages = new Set(modules.map(packageOf).filter((path) => path !== undefined));
  return [...packages].sort().map(licenseOf).join('\n\n');
}

/** The directory of the package that a file is from. @param {string} file */
function packageOf(file) {
  return /^.*\/node_modules\/(?:@[^/]+\/)?(?!\.)[^/@]+(?=\/)/.exec(file)?.[0];
}

/** @param {string} path */
function licenseOf(path) {
  const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
  const file = readdirSync(path).find((entry) => /^licen[cs]e/i.test(entry));
  const text =
    file && existsSync(join(path, file)) ? `\n\n${readFileSync(join(path, file), 'utf8').trim()}` : '';
  return `${name} ${version} (${license})${text}`;
}
