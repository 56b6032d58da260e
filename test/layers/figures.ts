import { readImports } from './read-imports.ts';
import { resolve, type Sources } from './rules.ts';

/** What the figures are taken from. */
interface Repository {
  /** Every .ts, .tsx and .mjs file in src and workers. */
  readonly sources: Sources;
  readonly readme: string;
}

/** A size of the repository and its limit. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly limit: number;
}

interface Row extends Omit<Figure, 'value'> {
  of(repository: Repository): number;
}

/** The importer of a shorter file should hold it, if there is only one. */
const SMALL_FILE_LINES = 30;

/** The limits. */
const ROWS: readonly Row[] = [
  { what: 'src and workers: lines', limit: 50_200, of: linesIn('') },
  { what: 'src and workers: files', limit: 472, of: filesIn('') },
  { what: 'src/delivery: lines', limit: 2_200, of: linesIn('src/delivery/') },
  { what: 'src/delivery: files', limit: 14, of: filesIn('src/delivery/') },
  { what: 'src/http: lines', limit: 1_840, of: linesIn('src/http/') },
  { what: 'src/http: files', limit: 15, of: filesIn('src/http/') },
  { what: 'src/queue: lines', limit: 5_930, of: linesIn('src/queue/') },
  { what: 'src/queue: files', limit: 55, of: filesIn('src/queue/') },
  { what: 'src/console: lines', limit: 3_250, of: linesIn('src/console/') },
  { what: 'src/cli: lines', limit: 6_660, of: linesIn('src/cli/') },
  { what: 'src/cli: files', limit: 58, of: filesIn('src/cli/') },
  {
    what: 'longest file: lines',
    limit: 250,
    of: ({ sources }) => Math.max(...[...sources.values()].map(linesOf)),
  },
  {
    what: 'files under 30 lines with one importer',
    limit: 10,
    of: ({ sources }) => smallFiles(sources).length,
  },
  { what: 'README: lines', limit: 175, of: ({ readme }) => linesOf(readme) },
];

/** Takes all figures of a repository. */
export function takeFigures(repository: Repository): Figure[] {
  return ROWS.map(({ of, ...row }) => ({ ...row, value: of(repository) }));
}

/** Whether a figure is above its limit. */
export function isTooHigh({ value, limit }: Figure): boolean {
  return value > limit;
}

/** The figures as a table in Markdown. */
export function toTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { what, value, limit } = figure;
    return [what, value, limit, isTooHigh(figure) ? 'too high' : 'met'];
  });
  return [['figure', 'now', 'at most', 'state'], ['---', '---:', '---:', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** The files of fewer than 30 lines that one other file imports, and no more. */
export function smallFiles(sources: Sources): string[] {
  const importers = new Map<string, Set<string>>();
  for (const [importer, source] of sources) {
    for (const { specifier } of readImports(source)) {
      if (!specifier.startsWith('.')) continue;
      const path = resolve(importer, specifier);
      importers.set(path, (importers.get(path) ?? new Set()).add(importer));
    }
  }
  return [...sources].flatMap(([path, source]) =>
    linesOf(source) < SMALL_FILE_LINES && importers.get(path)?.size === 1 ? [path] : [],
  );
}

function linesIn(start: string): Row['of'] {
  return ({ sources }) => {
    let lines = 0;
    for (const [path, source] of sources) if (path.startsWith(start)) lines += linesOf(source);
    return lines;
  };
}

function filesIn(start: string): Row['of'] {
  return ({ sources }) => [...sources.keys()].filter((path) => path.startsWith(start)).length;
}

/** As `wc -l` counts them. */
function linesOf(text: string): number {
  return text.split('\n').length - 1;
}
