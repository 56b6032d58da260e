import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sources } from './rules.ts';

/** Reads every .ts, .tsx and .mjs file in src and workers. @param root the repository's directory */
export function readSources(root: string): Sources {
  const paths = ['src', 'workers'].flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, encoding: 'utf8' }).map((path) => `${top}/${path}`),
  );
  const sources = paths.filter((path) => /\.(?:tsx?|mjs)$/.test(path)).sort();
  return new Map(sources.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}
