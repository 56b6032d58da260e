import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { keepsDigits } from '../core/odd-numbers.ts';
import { type ConfigIssue, type ConfigProblem, placeOf } from './config-error.ts';

/** What a YAML file says; or why it is not YAML. */
export type YamlReading =
  | { readonly ok: true; readonly tree: YamlTree }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** The values of a YAML file, without those that `issues` refuses. */
export interface YamlTree {
  readonly value: unknown;
  readonly issues: readonly ConfigIssue[];
  /** Where numbers stand that JSON spells in another way than the file: `0123`, `1.0`, `1e3`, `0x1F`. */
  readonly respelled: readonly RespelledNumber[];
  /** The line of a setting, from 1; of a missing one, the line of its section; undefined: the whole file. */
  lineOf(keys: readonly PropertyKey[]): number | undefined;
}

/** A number that JSON spells in another way than the file, at the place that its keys lead to. */
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
  return { ok: true, tree: new TreeReader(lineAt).read(document.contents) };
}

function syntaxProblems({ errors, warnings }: Document, lineAt: (offset: number) => number): ConfigProblem[] {
  // One slip can make the parser stumble many times over a line.
  const problems = new Map<string, ConfigProblem>();
  for (const { code, pos } of [...errors, ...warnings]) {
    const line = lineAt(pos[0]);
    const message = SENTENCES[code] ?? 'is not valid YAML';
    problems.set(`${line} ${message}`, { path: '$', line, message });
  }
  return [...problems.values()].sort((one, other) => (one.line ?? 0) - (other.line ?? 0));
}

interface MapItem {
  readonly key: Node | null;
  readonly value: unknown;
}

/** Turns the nodes of a document into values, and notes the line of each and what is wrong with it. */
class TreeReader {
  readonly #lineAt: (offset: number) => number;
  readonly #issues: ConfigIssue[] = [];
  readonly #respelled: RespelledNumber[] = [];
  readonly #offsets = new Map<string, number>();
  readonly #anchors = new Map<string, Node>();
  /** The sections around the present node: to meet one again means a cycle of aliases. */
  readonly #around = new Set<Node>();

  constructor(lineAt: (offset: number) => number) {
    this.#lineAt = lineAt;
  }

  read(contents: unknown): YamlTree {
    return {
      value: this.#readNode(contents, []),
      issues: this.#issues,
      respelled: this.#respelled,
      lineOf: (keys) => this.#lineOf(keys),
    };
  }

  #lineOf(keys: readonly PropertyKey[]): number | undefined {
    for (let length = keys.length; length > 0; length -= 1) {
      const offset = this.#offsets.get(placeOf(keys.slice(0, length)));
      if (offset !== undefined) return this.#lineAt(offset);
    }
    return undefined;
  }

  #readNode(node: unknown, keys: readonly PropertyKey[]): unknown {
    if (isAlias(node)) return this.#readAlias(node.source, keys);
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) return null;
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isScalar(node)) return this.#readScalar(node, keys);
    this.#around.add(node);
    const value = isMap(node)
      ? this.#readMap(node.items as readonly MapItem[], keys)
      : this.#readList(node.items as readonly (Node | null)[], keys);
    this.#around.delete(node);
    return value;
  }

  #readScalar({ value, source = '' }: { value: unknown; source?: string }, keys: readonly PropertyKey[]) {
    // The schema refuses .inf and .nan.
    if (typeof value === 'number' && Number.isFinite(value) && String(value) !== source) {
      this.#respelled.push({ keys, losesDigits: losesDigits(source, value) });
    }
    return value;
  }

  #readMap(items: readonly MapItem[], keys: readonly PropertyKey[]): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    for (const { key, value } of items) {
      const name = isScalar(key) ? String(key.value) : '';
      const place = [...keys, name];
      this.#noteOffset(place, key);
      if (name === '<<') this.#refuse(place, 'is not supported: an alias may stand for a whole section');
      else entries.push([name, this.#readNode(value, place)]);
    }
    return Object.fromEntries(entries);
  }

  #readList(items: readonly (Node | null)[], keys: readonly PropertyKey[]): unknown[] {
    return items.map((item, index) => {
      const place = [...keys, index];
      this.#noteOffset(place, item);
      return this.#readNode(item, place);
    });
  }

  #noteOffset(keys: readonly PropertyKey[], node: Node | null): void {
    const offset = node?.range?.[0];
    if (offset !== undefined) this.#offsets.set(placeOf(keys), offset);
  }

  #readAlias(name: string, keys: readonly PropertyKey[]): unknown {
    const target = this.#anchors.get(name);
    if (target === undefined) return this.#refuse(keys, 'is an alias of nothing that stands above it');
    if (this.#around.has(target)) {
      return this.#refuse(keys, 'is an alias of a section that it stands in itself');
    }
    return this.#readNode(target, keys);
  }

  #refuse(keys: readonly PropertyKey[], message: string): null {
    this.#issues.push({ keys, message });
    return null;
  }
}
