import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml';

/** A key of the HTTP API, as the configuration has it. */
export interface KeyEntry {
  readonly name: string;
  readonly sha256: string;
  readonly scopes: readonly string[];
  readonly clients?: readonly string[] | undefined;
}

/** Where the entry of a key goes, and the lines as they fit there, of 80 columns at the usual edge. */
export interface KeyPlace {
  /** The end of a sentence, such as `below line 12`; undefined: anywhere at the left edge of the file. */
  readonly where: string | undefined;
  readonly lines: string;
}

/** Finds the place for a key in the text of a configuration, which need not be valid. */
export function placeKey(text: string, key: KeyEntry): KeyPlace {
  const lines = listOf(key, '  ');
  const counter = new LineCounter();
  const { contents } = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  if (isMap(contents) && contents.has('http')) {
    const http = contents.get('http', true);
    const place = new Place(counter, key);
    if (isMap(http)) return place.inHttp(contents, http);
    if (isScalar(http) && http.value === null) return place.below(contents, 'http', lines);
  }
  return { where: undefined, lines: `http:\n${lines}` };
}

/** The names of the keys that a configuration has, as far as it can be read. */
export function keyNames(text: string): string[] {
  const keys = parseDocument(text, { prettyErrors: false }).getIn(['http', 'keys'], true);
  if (!isSeq(keys)) return [];
  return keys.items.flatMap((key) => (isMap(key) ? [String(key.get('name'))] : []));
}

function fieldsOf({ name, sha256, scopes, clients }: KeyEntry): string[] {
  const fields = [`name: "${name}"`, `sha256: "${sha256}"`, `scopes: [${scopes.join(', ')}]`];
  return clients === undefined ? fields : [...fields, `clients: [${clients.join(', ')}]`];
}

function itemOf(key: KeyEntry, edge: string): string {
  return fieldsOf(key)
    .map((field, at) => `${edge}${at === 0 ? '-' : ' '} ${field}`)
    .join('\n');
}

function listOf(key: KeyEntry, edge: string): string {
  return `${edge}keys:\n${itemOf(key, `${edge}  `)}`;
}

function inBraces(key: KeyEntry): string {
  return `{ ${fieldsOf(key).join(',\n    ')} }`;
}

/** The places in one text. */
class Place {
  readonly #counter: LineCounter;
  readonly #key: KeyEntry;

  constructor(counter: LineCounter, key: KeyEntry) {
    this.#counter = counter;
    this.#key = key;
  }

  inHttp(file: YAMLMap, http: YAMLMap): KeyPlace {
    const keys = http.get('keys', true);
    if (isSeq(keys)) return this.#inKeys(http, keys);
    if (http.flow === true) {
      const after = http.items.length > 0 ? ', before a comma' : '';
      const where = `behind the opening brace of http in line ${this.#of(http).line}${after}`;
      return { where, lines: `  keys: [${inBraces(this.#key)}]` };
    }
    const edge = ' '.repeat(this.#of(http).col - 1);
    return this.below(file, 'http', listOf(this.#key, edge));
  }

  #inKeys(http: YAMLMap, keys: YAMLSeq): KeyPlace {
    const { line, col } = this.#of(keys);
    if (keys.flow !== true) return this.below(http, 'keys', itemOf(this.#key, ' '.repeat(col - 1)));
    const after = keys.items.length > 0 ? ', before a comma' : '';
    const where = `behind the opening bracket of keys in line ${line}${after}`;
    return { where, lines: `  ${inBraces(this.#key)}` };
  }

  below(section: YAMLMap, key: string, lines: string): KeyPlace {
    const pair = section.items.find((one) => isScalar(one.key) && one.key.value === key);
    return { where: `below line ${this.#of(pair?.key).line}`, lines };
  }

  #of(node: unknown): { readonly line: number; readonly col: number } {
    const offset = isNode(node) ? node.range?.[0] : undefined;
    return this.#counter.linePos(offset ?? 0);
  }
}
