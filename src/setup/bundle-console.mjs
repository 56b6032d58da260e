/*
 * Makes the console, a page for browsers, of src/console: one script, one style sheet and the page, with the licences
 * of what is in them.
 *
 *   node src/setup/bundle-console.mjs <directory that was compiled into>
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'rolldown';
import { licensesOf } from './licenses.mjs';

const SOURCES = 'src/console';

const [, , directory] = process.argv;
const target = join(directory, SOURCES);
const { output } = await build({
  input: { app: join(SOURCES, 'main.tsx') },
  platform: 'browser',
  logLevel: 'warn',
  output: { dir: target, minify: true, comments: { legal: false } },
});
mkdirSync(target, { recursive: true });
const styles = [
  createRequire(import.meta.url).resolve('uplot/dist/uPlot.min.css'),
  join(SOURCES, 'style.css'),
];
writeFileSync(join(target, 'app.css'), styles.map((file) => readFileSync(file, 'utf8')).join('\n'));
copyFileSync(join(SOURCES, 'index.html'), join(target, 'index.html'));
writeFileSync(join(target, 'LICENSES'), licensesOf(output.flatMap(({ moduleIds = [] }) => moduleIds)));
