import {
  Composer,
  type CST,
  type Document,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type ParsedNode,
  Parser,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import type { ConfigProblem } from './config-problem.ts';

/** A YAML file's nodes; or why it is not YAML. */
export type YamlParsing =
  | { readonly ok: true; readonly contents: Node | null; lineOf(offset: number): number }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** Enough for a hundred thousand clients with all their settings, and a bound on memory: 100 bytes each. */
const MAX_TOKENS = 12_000_000;
/** Sections within sections, about two tokens each; beyond a thousand the library runs out of stack. */
const MAX_OPEN_TOKENS = 400;
/** The library itself goes on for ever: ten million commas would be as many errors. */
const MAX_FAULTS = 1_000;

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
  TOO_LARGE: 'is too large',
  UNEXPECTED_TOKEN: 'is not valid YAML: something stands where it cannot',
};

interface Fault {
  /** The library's own code for it, or one of `SENTENCES`. */
  readonly kind: string;
  readonly offset: number;
}

/** Parses YAML 1.2, in time and memory that grow with the text's length and no faster. Never throws. */
export function parseYaml(text: string): YamlParsing {
  const counter = new LineCounter();
  const lineOf = (offset: number) => Math.max(1, counter.linePos(offset).line);
  const tokens = readTokens(text, counter);
  if ('kind' in tokens) return { ok: false, problems: toProblems([tokens], lineOf) };
  const { contents, faults } = compose(tokens, text.length);
  if (faults.length > 0) return { ok: false, problems: toProblems(faults, lineOf) };
  return { ok: true, contents, lineOf };
}

function readTokens(text: string, counter: LineCounter): CST.Token[] | Fault {
  const tokens: CST.Token[] = [];
  const parser = new Parser(counter.addNewLine);
  counter.addNewLine(0);
  let count = 0;
  for (const lexeme of new Lexer().lex(text)) {
    count += 1;
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (count > MAX_TOKENS) return { kind: 'TOO_LARGE', offset: 0 };
    if (parser.stack.length > MAX_OPEN_TOKENS) return { kind: 'RESOURCE_EXHAUSTION', offset: parser.offset };
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens;
}

interface Composed {
  readonly contents: Node | null;
  readonly faults: readonly Fault[];
}

function compose(tokens: readonly CST.Token[], length: number): Composed {
  // Looking for the same key twice takes the library the square of their number.
  const composer = new Composer({ prettyErrors: false, stringKeys: true, uniqueKeys: false });
  const early = giveUpAfter(composer, MAX_FAULTS);
  const documents: Document.Parsed<ParsedNode>[] = [];
  try {
    for (const document of composer.compose(tokens, true, length)) {
      documents.push(document);
      if (documents.length > 1) break;
    }
  } catch (error) {
    if (early.length < MAX_FAULTS) throw error;
    return { contents: null, faults: early };
  }
  const [document, second] = documents;
  const contents: Node | null = document?.contents ?? null;
  const faults = [...(document?.errors ?? []), ...(document?.warnings ?? [])].map(toFault);
  if (second !== undefined) faults.push({ kind: 'MULTIPLE_DOCS', offset: second.range[0] });
  return { contents, faults: [...faults, ...duplicateKeys(contents)] };
}

function toFault({ code, pos }: YAMLError): Fault {
  return { kind: code, offset: pos[0] };
}

/** Makes a composer throw at the first of more faults than so many. @returns where the faults are noted as they come */
function giveUpAfter(composer: Composer, most: number): readonly Fault[] {
  const faults: Fault[] = [];
  const inner = composer as unknown as { onError(source: unknown, code: string, ...rest: unknown[]): void };
  const report = inner.onError;
  inner.onError = (source, code, ...rest) => {
    // It catches what is thrown at each level, and reports again.
    if (faults.length >= most) throw new RangeError('too many faults');
    faults.push({ kind: code, offset: offsetOf(source) });
    report(source, code, ...rest);
  };
  return faults;
}

function offsetOf(source: unknown): number {
  if (typeof source === 'number') return source;
  if (Array.isArray(source)) return Number(source[0]);
  return (source as { readonly offset: number }).offset;
}

function duplicateKeys(contents: Node | null): Fault[] {
  const faults: Fault[] = [];
  const open: unknown[] = [contents];
  while (open.length > 0 && faults.length < MAX_FAULTS) {
    const node = open.pop();
    if (isSeq(node)) for (const item of node.items) open.push(item);
    if (!isMap(node)) continue;
    for (const { value } of node.items) open.push(value);
    for (const fault of duplicatesIn(node)) faults.push(fault);
  }
  return faults;
}

function duplicatesIn(map: YAMLMap): Fault[] {
  const seen = new Set<unknown>();
  return map.items.flatMap(({ key }) => {
    if (!isScalar(key)) return [];
    const isSeen = seen.has(key.value);
    seen.add(key.value);
    return isSeen ? [{ kind: 'DUPLICATE_KEY', offset: key.range?.[0] ?? 0 }] : [];
  });
}

function toProblems(faults: readonly Fault[], lineOf: (offset: number) => number): ConfigProblem[] {
  // One slip can make the parser stumble many times over a line.
  const problems = new Map<string, ConfigProblem>();
  for (const { kind, offset } of faults) {
    const line = lineOf(offset);
    const message = SENTENCES[kind] ?? 'is not valid YAML';
    problems.set(`${line} ${message}`, { path: '$', line, message });
  }
  return [...problems.values()].sort((one, other) => (one.line ?? 0) - (other.line ?? 0));
}
