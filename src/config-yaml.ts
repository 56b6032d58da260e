import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import type { ConfigIssue, ConfigProblem } from './core/config-problem.ts';
import { toJsonPath } from './core/problem.ts';

/** What a YAML file says; or why it is not YAML. */
export type YamlReading =
  | { readonly ok: true; readonly tree: YamlTree }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** The values of a YAML file, those left out that stand under `issues`. */
export interface YamlTree {
  readonly value: unknown;
  /** The line of each value, counted from 1, under its JSON path. */
  readonly lines: ReadonlyMap<string, number>;
  readonly issues: readonly ConfigIssue[];
}

const MAX_DEPTH = 32;
/** More than five thousand clients need, and less than an alias bomb makes. */
const MAX_VALUES = 200_000;

/** Own sentences, because the parser's may quote the file, and so a secret. */
const SENTENCES: Readonly<Record<string, string>> = {
  BAD_ALIAS: 'uses an alias that is not defined above it',
  BAD_DQ_ESCAPE: 'has an invalid escape sequence in a double-quoted text',
  BAD_INDENT: 'is not valid YAML: the indentation does not fit, or a closing bracket is missing',
  BAD_SCALAR_START: 'is not valid YAML: a value begins with a reserved character, put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'is not valid YAML: there is a colon too many, put the value in quotes',
  DUPLICATE_KEY: 'has the same key twice in one section',
  MISSING_CHAR: 'is not valid YAML: a quote, colon, comma or bracket is missing',
  MULTILINE_IMPLICIT_KEY: 'is not valid YAML: a key goes over several lines, or a colon is missing',
  MULTIPLE_DOCS: 'holds more than one YAML document',
  NON_STRING_KEY: 'has a key that is not text',
  RESOURCE_EXHAUSTION: 'is nested too deeply',
  TAB_AS_INDENT: 'is not valid YAML: tabs cannot indent, use blanks',
  TAG_RESOLVE_FAILED: 'uses a YAML tag (!…) that is not known',
  UNEXPECTED_TOKEN: 'is not valid YAML: something stands where it cannot',
};

/** Reads YAML 1.2 into plain objects. Never throws. */
export function readYaml(text: string): YamlReading {
  const counter = new LineCounter();
  const lineOf = (offset: number) => Math.max(1, counter.linePos(offset).line);
  const document = parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    stringKeys: true,
    // Not "silent", which would also pass over a second document.
    logLevel: 'error',
  });
  const faults: readonly YAMLError[] = [...document.errors, ...document.warnings];
  if (faults.length > 0) return { ok: false, problems: syntaxProblems(faults, lineOf) };
  return { ok: true, tree: makeTree(document.contents, lineOf) };
}

function syntaxProblems(faults: readonly YAMLError[], lineOf: (offset: number) => number): ConfigProblem[] {
  // One slip can make the parser stumble many times over a line.
  const problems = new Map<string, ConfigProblem>();
  for (const fault of faults) {
    const line = lineOf(fault.pos[0]);
    const message = SENTENCES[fault.code] ?? 'is not valid YAML';
    problems.set(`${line} ${message}`, { path: '$', line, message });
  }
  return [...problems.values()];
}

interface Walk {
  readonly lineOf: (offset: number) => number;
  readonly lines: Map<string, number>;
  readonly issues: ConfigIssue[];
  readonly anchors: Map<string, Node>;
  /** Aliased nodes that are being read just now: to meet one again means a cycle. */
  readonly open: Set<Node>;
  count: number;
  isTooLarge: boolean;
}

function makeTree(contents: Node | null, lineOf: (offset: number) => number): YamlTree {
  const walk: Walk = {
    lineOf,
    lines: new Map(),
    issues: [],
    anchors: new Map(),
    open: new Set(),
    count: 0,
    isTooLarge: false,
  };
  const value = readNode(contents, [], walk);
  return { value, lines: walk.lines, issues: walk.issues };
}

function readNode(node: unknown, keys: readonly PropertyKey[], walk: Walk): unknown {
  walk.count += 1;
  if (walk.count > MAX_VALUES) return refuseSize(keys, walk);
  if (isAlias(node)) return readAlias(node.source, keys, walk);
  if (isScalar(node)) {
    remember(node, walk);
    return node.value;
  }
  if (!isMap(node) && !isSeq(node)) return null;
  remember(node, walk);
  if (keys.length >= MAX_DEPTH) return refuse(keys, 'is nested too deeply', walk);
  walk.open.add(node);
  const value = isMap(node)
    ? readMap(node, keys, walk)
    : node.items.map((item, index) => {
        noteLine(item, [...keys, index], walk);
        return readNode(item, [...keys, index], walk);
      });
  walk.open.delete(node);
  return value;
}

function readMap(map: YAMLMap, keys: readonly PropertyKey[], walk: Walk): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  for (const pair of map.items as Pair[]) {
    const key = isScalar(pair.key) ? String(pair.key.value) : '';
    const place = [...keys, key];
    noteLine(pair.key, place, walk);
    if (key === '<<') refuse(place, 'is not supported: an alias may stand for a whole section', walk);
    else if (key === '__proto__') refuse(place, 'is not a known setting', walk);
    else entries.push([key, readNode(pair.value, place, walk)]);
  }
  return Object.fromEntries(entries);
}

function readAlias(source: string, keys: readonly PropertyKey[], walk: Walk): unknown {
  const target = walk.anchors.get(source);
  if (target === undefined) return refuse(keys, 'is an alias of nothing that stands above it', walk);
  if (walk.open.has(target)) return refuse(keys, 'is an alias of a section that it stands in itself', walk);
  return readNode(target, keys, walk);
}

function refuseSize(keys: readonly PropertyKey[], walk: Walk): null {
  // Said once: a bomb would say it for each of its parts.
  if (!walk.isTooLarge) refuse(keys, `makes the file too large (over ${MAX_VALUES} values)`, walk);
  walk.isTooLarge = true;
  return null;
}

function remember(node: Node & { anchor?: string }, walk: Walk): void {
  if (node.anchor !== undefined) walk.anchors.set(node.anchor, node);
}

function noteLine(node: unknown, keys: readonly PropertyKey[], walk: Walk): void {
  const offset = (node as Node | null)?.range?.[0];
  if (offset !== undefined) walk.lines.set(toJsonPath(keys), walk.lineOf(offset));
}

function refuse(keys: readonly PropertyKey[], message: string, walk: Walk): null {
  walk.issues.push({ keys, message });
  return null;
}
