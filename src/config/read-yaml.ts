import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml';
import type { ConfigIssue, ConfigProblem } from './config-problem.ts';
import { judgeSpelling, type MisspelledNumber } from './number-spelling.ts';
import { parseYaml } from './parse-yaml.ts';
import { createPlaces, keyOf } from './yaml-places.ts';

/** What a YAML file says; or why it is not YAML. */
export type YamlReading =
  | { readonly ok: true; readonly tree: YamlTree }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** The values of a YAML file, those left out that stand under `issues`. */
export interface YamlTree {
  readonly value: unknown;
  readonly issues: readonly ConfigIssue[];
  /** The numbers that may not be what was written. */
  readonly misspelled: readonly MisspelledNumber[];
  /**
   * The line of a setting, counted from 1, or, where it is missing, of the section that it is missing from;
   * undefined where that is the whole file.
   */
  lineOf(keys: readonly PropertyKey[]): number | undefined;
}

const MAX_DEPTH = 32;
/** More than a hundred thousand clients need that share their settings, and less than a bomb makes. */
const MAX_ALIASED_VALUES = 1_000_000;

/** Reads YAML 1.2 into plain objects. Never throws. */
export function readYaml(text: string): YamlReading {
  const parsed = parseYaml(text);
  if (!parsed.ok) return parsed;
  const { contents, lineOf } = parsed;
  const walk: Walk = {
    issues: [],
    misspelled: [],
    anchors: new Map(),
    targets: new Map(),
    open: new Set(),
    aliasesOpen: 0,
    aliased: 0,
  };
  const value = readNode(contents, [], walk);
  const offsetOf = createPlaces(contents, walk.targets);
  return {
    ok: true,
    tree: {
      value,
      issues: walk.issues,
      misspelled: walk.misspelled,
      lineOf: (keys) => {
        const offset = offsetOf(keys);
        return offset === undefined ? undefined : lineOf(offset);
      },
    },
  };
}

interface Walk {
  readonly issues: ConfigIssue[];
  readonly misspelled: MisspelledNumber[];
  readonly anchors: Map<string, Node>;
  /** What each alias stands for: an anchor may be given anew later on. */
  readonly targets: Map<Alias, Node>;
  /** Nodes that are being read just now: to meet one again means a cycle. */
  readonly open: Set<Node>;
  /** Aliases that the present node is being read through. */
  aliasesOpen: number;
  /** Values that were read through aliases: the others are no more than the file is long. */
  aliased: number;
}

function readNode(node: unknown, keys: readonly PropertyKey[], walk: Walk): unknown {
  if (walk.aliasesOpen > 0) {
    walk.aliased += 1;
    if (walk.aliased > MAX_ALIASED_VALUES) return refuseSize(keys, walk);
  }
  if (isAlias(node)) return readAlias(node, keys, walk);
  if (isScalar(node)) {
    remember(node, walk);
    const { value, source = '' } = node;
    const fault = typeof value === 'number' ? judgeSpelling(source, value) : undefined;
    if (fault !== undefined) walk.misspelled.push({ keys, fault });
    return value;
  }
  if (!isMap(node) && !isSeq(node)) return null;
  remember(node, walk);
  if (keys.length >= MAX_DEPTH) return refuse(keys, 'is nested too deeply', walk);
  walk.open.add(node);
  const value = isMap(node)
    ? readMap(node, keys, walk)
    : node.items.map((item, index) => readNode(item, [...keys, index], walk));
  walk.open.delete(node);
  return value;
}

function readMap(map: YAMLMap, keys: readonly PropertyKey[], walk: Walk): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  for (const pair of map.items as Pair[]) {
    const key = keyOf(pair);
    const place = [...keys, key];
    if (key === '<<') refuse(place, 'is not supported: an alias may stand for a whole section', walk);
    else if (key === '__proto__') refuse(place, 'is not a known setting', walk);
    else entries.push([key, readNode(pair.value, place, walk)]);
  }
  return Object.fromEntries(entries);
}

function readAlias(alias: Alias, keys: readonly PropertyKey[], walk: Walk): unknown {
  const target = walk.anchors.get(alias.source);
  if (target === undefined) return refuse(keys, 'is an alias of nothing that stands above it', walk);
  if (walk.open.has(target)) return refuse(keys, 'is an alias of a section that it stands in itself', walk);
  walk.targets.set(alias, target);
  walk.aliasesOpen += 1;
  const value = readNode(target, keys, walk);
  walk.aliasesOpen -= 1;
  return value;
}

function refuseSize(keys: readonly PropertyKey[], walk: Walk): null {
  // Said once: a bomb would say it for each of its parts.
  if (walk.aliased > MAX_ALIASED_VALUES + 1) return null;
  return refuse(
    keys,
    `makes the file too large: its aliases stand for over ${MAX_ALIASED_VALUES} values`,
    walk,
  );
}

function remember(node: Node & { anchor?: string }, walk: Walk): void {
  if (node.anchor !== undefined) walk.anchors.set(node.anchor, node);
}

function refuse(keys: readonly PropertyKey[], message: string, walk: Walk): null {
  walk.issues.push({ keys, message });
  return null;
}
