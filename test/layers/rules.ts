import { dirname, join, normalize } from 'node:path/posix';
import { linesWith, readImports } from './read-imports.ts';

/** Sources by their path in the repository. */
export type Sources = ReadonlyMap<string, string>;

/** The layers, lowest first. A part imports from itself and from lower layers, never from its siblings. */
const LAYERS: readonly (readonly string[])[] = [
  ['core'],
  ['config'],
  ['http', 'auth', 'queue', 'redis', 'sandbox'],
  ['intake', 'delivery', 'dead-letters', 'incidents', 'supervisor', 'observability', 'check'],
  ['api'],
  ['service'],
  // The files that stand in src/ itself: index.ts and log.ts.
  ['src'],
  ['loadtest'],
  ['workers'],
  ['cli'],
  ['console'],
];

const MOST_LINES = 250;

/** Where the clock, chance and the environment may be taken from the outside world. */
const EDGES =
  /^(?:src\/(?:core\/time|config\/load-config|service\/(?:engine|open-intake|api-server|monitor-incidents|lifecycle)|log)\.ts|src\/(?:cli|console)\/.*|workers\/.*|src\/setup(?:\.mjs|\/.*))$/;

const OUTSIDE_WORLD: readonly { what: string; pattern: RegExp }[] = [
  { what: 'Date.now', pattern: /\bDate\s*\.\s*now\b/ },
  { what: 'new Date()', pattern: /\bnew\s+Date\s*(?:\(\s*\)|(?![\s(\w]))/ },
  { what: 'performance.timeOrigin', pattern: /\bperformance\s*\.\s*timeOrigin\b/ },
  { what: 'Math.random', pattern: /\bMath\s*\.\s*random\b/ },
  { what: 'process.env', pattern: /\bprocess\s*\.\s*env\b/ },
];

/** All that breaks the rules of the layout, a sentence each. */
export function findViolations(sources: Sources): string[] {
  return [...layerViolations(sources), ...cycles(sources), ...fileViolations(sources)];
}

/** The part that a file belongs to: its directory in src/, `src` for a file of src/ itself, or `workers`. */
function partOf(path: string): string {
  const [top = '', part = '', ...rest] = path.split('/');
  if (top !== 'src') return top;
  // A constant, for all layers.
  if (part === 'version.ts') return 'core';
  return rest.length === 0 ? 'src' : part;
}

function layerOf(path: string): number {
  return LAYERS.findIndex((layer) => layer.includes(partOf(path)));
}

function* layerViolations(sources: Sources): Generator<string> {
  for (const [path, source] of sources) {
    if (path.endsWith('.mjs')) continue;
    if (layerOf(path) === -1) {
      yield `${path}: ${partOf(path)} is in no layer`;
      continue;
    }
    for (const { specifier, line } of readImports(source)) {
      const what = specifier.startsWith('.') ? inward(path, specifier) : outward(path, specifier);
      if (what !== undefined) yield `${path}:${line} ${what}`;
    }
  }
}

function inward(path: string, specifier: string): string | undefined {
  const target = resolve(path, specifier);
  if (partOf(target) === partOf(path)) return undefined;
  if (layerOf(target) === -1) return `imports ${specifier}, which is in no layer`;
  if (layerOf(target) < layerOf(path)) return undefined;
  const how = layerOf(target) === layerOf(path) ? 'a sibling' : 'a higher layer';
  return `imports ${specifier}: ${partOf(target)} is ${how} of ${partOf(path)}`;
}

function outward(path: string, specifier: string): string | undefined {
  const part = partOf(path);
  if (part === 'core' && specifier !== 'zod') return `imports ${specifier}: core imports zod and itself only`;
  if (/^bullmq(?:\/|$)/.test(specifier) && part !== 'queue')
    return `imports ${specifier}: only queue knows BullMQ`;
  return undefined;
}

/** The file that an import of this file names, as a path in the repository. */
export function resolve(path: string, specifier: string): string {
  return normalize(join(dirname(path), specifier));
}

/** Every cycle of imports once, however it is entered. */
function* cycles(sources: Sources): Generator<string> {
  const done = new Set<string>();
  const trail: string[] = [];
  function* visit(path: string): Generator<string> {
    const start = trail.indexOf(path);
    if (start !== -1) yield `cycle: ${[...trail.slice(start), path].join(' → ')}`;
    if (start !== -1 || done.has(path)) return;
    trail.push(path);
    for (const { specifier } of readImports(sources.get(path) ?? '')) {
      if (specifier.startsWith('.')) yield* visit(resolve(path, specifier));
    }
    trail.pop();
    done.add(path);
  }
  for (const path of sources.keys()) yield* visit(path);
}

function* fileViolations(sources: Sources): Generator<string> {
  for (const [path, source] of sources) {
    const lines = source.trimEnd().split('\n').length;
    if (lines > MOST_LINES) yield `${path}: ${lines} lines are more than ${MOST_LINES}`;
    for (const line of linesWith(source, /\bexport\s+default\b|\bas\s+default\b/)) {
      yield `${path}:${line} has a default export`;
    }
    if (EDGES.test(path)) continue;
    for (const { what, pattern } of OUTSIDE_WORLD) {
      for (const line of linesWith(source, pattern)) yield `${path}:${line} uses ${what}`;
    }
  }
}
