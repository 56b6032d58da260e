import { readFileSync } from 'node:fs';
import { smallFiles, takeFigures, toTable } from './figures.ts';
import { readSources } from './sources.ts';

// `npm run figures` runs this in the repository's directory.
const sources = readSources('.');
const figures = takeFigures({ sources, readme: readFileSync('README.md', 'utf8') });
const small = smallFiles(sources).map((path) => `- ${path}`);
process.stdout.write(`${toTable(figures)}\n\nSmall files with one importer:\n${small.join('\n')}\n`);
