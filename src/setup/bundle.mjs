/*
 * Puts the command and its worker, which are processes of their own, into few files together with the libraries that
 * they load: reading some 400 files takes most of the time that a short command runs. Programs that import waybill get
 * the files as they are compiled.
 *
 *   node src/setup/bundle.mjs <directory that was compiled into>
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'rolldown';
import { licensesOf } from './licenses.mjs';

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
