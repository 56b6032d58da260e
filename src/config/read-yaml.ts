import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { keepsDigits } from '../core/odd-numbers.ts';
import { toJsonPath } from '../core/problem.ts';
import { type ConfigIssue, type ConfigProblem, placeOf } from './config-error.ts';

/** What a YAML file says; or why it is not YAML. */
export type YamlReading =
  | { readonly ok: true; readonly tree: YamlTree }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** A number that JSON spells in another way than the file (`0123`, `1.0`, `1e3`, `0x1F`). */
export interface RespelledNumber {
  readonly keys: readonly PropertyKey[];
  /** Its leading zeros, or those beyond what a double (IEEE 754) keeps. */
  readonly losesDigits: boolean;
}

function losesDigits(written: string, value: number): boolean {
  if (/^0[xo]/.test(written)) return !Number.isSafeInteger(value);
  return /^[-+]?0\d/.test(written) || !keepsDigits(written, value);
}

/** The parser's own sentences may quote the file, and so a secret. */
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

/** Reads YAML 1.2 into plain objects. */
export function readYaml(text: string): YamlReading {
  const lineCounter = new LineCounter();
  const lineAt = (offset: number) => Math.max(1, lineCounter.linePos(offset).line);
  const document = parseDocument(text, { lineCounter, prettyErrors: false, stringKeys: true });
  const problems = syntaxProblems(document, lineAt);
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, tree: new YamlTree(document.contents, lineAt) };
}

function syntaxProblems({ errors, warnings }: Document, lineAt: (offset: number) => number): ConfigProblem[] {
  // One slip can make the parser stumble many times over a line.
  const problems = new Map<string, ConfigProblem>();
  for (const { code, pos } of [...errors, ...warnings]) {
    const line = lineAt(pos[0]);
    const message = SENTENCES[code] ?? 'is not valid YAML';
    problems.set(`${line} ${message}`, { path: '$', line, message });
  }
  return inOrder([...problems.values()]);
}

function inOrder(problems: ConfigProblem[]): ConfigProblem[] {
  return problems.sort((one, other) => (one.line ?? 0) - (other.line ?? 0));
}

/** The values of a YAML file and their lines; `issues` names refused ones, which are left out. */
export class YamlTree {
  readonly value: unknown;
  readonly issues: ConfigIssue[] = [];
  readonly respelled: RespelledNumber[] = [];
  /** The places of keys without any value, not even `null`. */
  readonly empty = new Set<string>();
  readonly #lineAt: (offset: number) => number;
  readonly #lines = new Map<string, number>();
  readonly #anchors = new Map<string, { readonly node: Node; readonly keys: readonly PropertyKey[] }>();
  /** By place, where that stands which an alias there stands for. */
  readonly #aliased = new Map<string, readonly PropertyKey[]>();
  /** The sections around the present node: to meet one again means a cycle of aliases. */
  readonly #around = new Set<Node>();

  constructor(contents: Node | null, lineAt: (offset: number) => number) {
    this.#lineAt = lineAt;
    this.value = this.#read(contents, []);
  }

  /** Writes each issue's place as a path and a line, in the order of the file. */
  toProblems(issues: readonly ConfigIssue[]): ConfigProblem[] {
    const problems = issues.map(({ keys, message }): ConfigProblem => {
      const line = this.lineOf(keys);
      return { path: toJsonPath(keys), message, ...(line === undefined ? {} : { line }) };
    });
    return inOrder(problems);
  }

  /** The line of a setting, from 1; of a missing one, the line of its section; undefined: the whole file. */
  lineOf(keys: readonly PropertyKey[]): number | undefined {
    for (let length = keys.length; length > 0; length -= 1) {
      const line = this.#lines.get(placeOf(keys.slice(0, length)));
      if (line !== undefined) return line;
    }
    return undefined;
  }

  /** Where a value is written that came to this place by aliases; else the place itself. */
  originOf(keys: readonly PropertyKey[]): readonly PropertyKey[] {
    for (let length = keys.length; length > 0; length -= 1) {
      const target = this.#aliased.get(placeOf(keys.slice(0, length)));
      if (target !== undefined) return this.originOf([...target, ...keys.slice(length)]);
    }
    return keys;
  }

  #read(node: unknown, keys: readonly PropertyKey[]): unknown {
    if (node === null || (isScalar(node) && node.source === '' && node.value === null)) {
      this.empty.add(placeOf(keys));
    }
    if (isAlias(node)) return this.#readAlias(node.source, keys);
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) return null;
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, { node, keys });
    if (isScalar(node)) return this.#readScalar(node, keys);
    this.#around.add(node);
    const value = isMap(node)
      ? this.#readMap(node, keys)
      : node.items.map((item, index) => this.#readAt(item, item as Node | null, [...keys, index]));
    this.#around.delete(node);
    return value;
  }

  #readScalar({ value, source = '' }: Scalar, keys: readonly PropertyKey[]): unknown {
    // The schema refuses .inf and .nan.
    if (typeof value === 'number' && Number.isFinite(value) && String(value) !== source) {
      this.respelled.push({ keys, losesDigits: losesDigits(source, value) });
    }
    return value;
  }

  #readMap({ items }: YAMLMap, keys: readonly PropertyKey[]): Record<string, unknown> {
    const entries = items.map(({ key, value }): [string, unknown] => {
      const name = isScalar(key) ? String(key.value) : '';
      return [name, this.#readAt(value, key as Node | null, [...keys, name])];
    });
    return Object.fromEntries(entries.filter(([name]) => name !== '<<'));
  }

  /** @param named what the place is shown by: the key, or the item of a list */
  #readAt(node: unknown, named: Node | null, keys: readonly PropertyKey[]): unknown {
    const offset = named?.range?.[0];
    if (offset !== undefined) this.#lines.set(placeOf(keys), this.#lineAt(offset));
    if (keys.at(-1) !== '<<') return this.#read(node, keys);
    return this.#refuse(keys, 'is not supported: an alias may stand for a whole section');
  }

  #readAlias(name: string, keys: readonly PropertyKey[]): unknown {
    const target = this.#anchors.get(name);
    if (target === undefined) return this.#refuse(keys, 'is an alias of nothing that stands above it');
    if (this.#around.has(target.node))
      return this.#refuse(keys, 'is an alias of a section that it stands in itself');
    this.#aliased.set(placeOf(keys), target.keys);
    return this.#read(target.node, keys);
  }

  #refuse(keys: readonly PropertyKey[], message: string): null {
    this.issues.push({ keys, message });
    return null;
  }
}
