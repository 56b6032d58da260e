import { resolve } from 'node:path';
import { type ConfigIssue, placeOf } from './config-error.ts';
import { isNoFileName, readTextFile, showPath } from './read-text-file.ts';
import { isInTokenBody } from './token-service-config.ts';

const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;

const FILE = 'file:';
/** Docker and Kubernetes allow larger secrets; a credential is not that long. */
const MAX_SECRET_BYTES = 64 * 1024;
const ENDS_IN_LINE_BREAK = /[\r\n]$/;

/** Environment variables, as in `process.env`. */
export type Env = Readonly<Record<string, string | undefined>>;

/** What a file holds, and how a sentence names it; or why it cannot be used, as a sentence without its subject. */
export type FileText =
  | { readonly ok: true; readonly text: string; readonly name: string }
  | { readonly ok: false; readonly reason: string };

/** Reads the file that a `${file:…}` names. Never throws. */
export type ReadFileText = (path: string) => FileText;

/** A text that has a line break from what it refers to. */
export interface BroughtLineBreak {
  readonly keys: readonly PropertyKey[];
  /** What the line breaks came from, such as `the environment variable NAME`. */
  readonly origins: readonly string[];
  /** Whether the text ends in one that is not written in the tree. */
  readonly isAtEnd: boolean;
}

/** A tree with its references replaced. */
export interface Substituted {
  readonly value: unknown;
  readonly issues: ConfigIssue[];
  readonly lineBreaks: BroughtLineBreak[];
}

/**
 * Puts environment variables in place of each `${NAME}` in the text values of a tree, and files in place of each
 * `${file:PATH}`; `$${` stands for a literal `${`. It works on the tree, not on the file's text, so that a value
 * cannot add anything to the structure. If a variable or file is missing the text stays as it was, with an issue.
 */
export function substituteEnv(tree: unknown, env: Env, readFile: ReadFileText): Substituted {
  const found: Found = { issues: [], lineBreaks: [] };
  const refer = (name: string): Referred =>
    name.startsWith(FILE) ? readReferred(name.slice(FILE.length), readFile) : readVariable(name, env);
  return { value: substituteIn(tree, [], refer, found), ...found };
}

type Found = Omit<Substituted, 'value'>;
type Referred = { readonly value: string; readonly origin: string } | { readonly message: string };
type Refer = (name: string) => Referred;

function substituteIn(node: unknown, keys: PropertyKey[], refer: Refer, found: Found): unknown {
  if (typeof node === 'string') return substituteText(node, keys, refer, found);
  if (Array.isArray(node)) {
    return node.map((item, index) => substituteIn(item, [...keys, index], refer, found));
  }
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, substituteIn(value, [...keys, key], refer, found)]),
  );
}

function substituteText(text: string, keys: PropertyKey[], refer: Refer, found: Found): string {
  const messages = new Set<string>();
  const origins = new Set<string>();
  const replaced = text.replace(REFERENCE, (match, name?: string, end?: string) => {
    if (match === '$${') return '${';
    const referred = end === '}' ? refer(name ?? '') : NO_REFERENCE;
    if ('message' in referred) {
      messages.add(referred.message);
      return match;
    }
    if (/[\r\n]/.test(referred.value)) origins.add(referred.origin);
    return referred.value;
  });
  for (const message of messages) found.issues.push({ keys, message });
  if (messages.size > 0) return text;
  const isAtEnd = ENDS_IN_LINE_BREAK.test(replaced) && !ENDS_IN_LINE_BREAK.test(text);
  if (origins.size > 0) found.lineBreaks.push({ keys, origins: [...origins], isAtEnd });
  return replaced;
}

const NO_REFERENCE: Referred = {
  message: 'holds a ${…} that names no environment variable; a literal ${ is written as $${',
};

function readVariable(name: string, env: Env): Referred {
  if (!NAME.test(name)) return NO_REFERENCE;
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  const origin = `the environment variable ${name}`;
  return value === undefined ? { message: `needs ${origin}, which is not set` } : { value, origin };
}

function readReferred(path: string, readFile: ReadFileText): Referred {
  if (path === '') return { message: 'holds a ${file:} that names no file' };
  // `${file:/run/${NAME}}`: the first brace ends the reference.
  if (path.includes('${')) return { message: 'holds a ${file:…} with a variable in the name of its file' };
  const read = readFile(path);
  return read.ok ? { value: read.text, origin: `the file ${read.name}` } : { message: read.reason };
}

/**
 * Makes what reads the file of a `${file:…}`, relative to the configuration's directory, without the one line break
 * that editors and `echo` put at its end. Each file is read once: many clients may share it. Never throws.
 */
export function createSecretFiles(directory: string): ReadFileText {
  const known = new Map<string, FileText>();
  return (path) => {
    const text = known.get(path) ?? readSecret(resolve(directory, path));
    known.set(path, text);
    return text;
  };
}

function readSecret(file: string): FileText {
  if (isNoFileName(file))
    return { ok: false, reason: 'must name a file in ${file:…}, not what stands in it' };
  const read = readTextFile(file, MAX_SECRET_BYTES);
  if (!read.ok) return { ok: false, reason: `refers to a file that ${read.message}: ${showPath(file)}` };
  const text = read.text.replace(/\r?\n$/, '');
  if (text !== '') return { ok: true, text, name: showPath(file) };
  return { ok: false, reason: `refers to a file that is empty: ${showPath(file)}` };
}

/** Adds to each issue about a line break where the line break came from. */
export function nameOrigins(
  issues: readonly ConfigIssue[],
  lineBreaks: readonly BroughtLineBreak[],
): readonly ConfigIssue[] {
  if (lineBreaks.length === 0) return issues;
  const byPlace = new Map(lineBreaks.map((brought) => [placeOf(brought.keys), brought]));
  return issues.map((issue) => {
    const brought = byPlace.get(placeOf(issue.keys));
    if (brought === undefined || !issue.message.endsWith(' a line break')) return issue;
    return { ...issue, message: `${issue.message} ${describeOrigins(brought)}` };
  });
}

/**
 * Refuses each text in the body of a token service that ends in a line break from elsewhere. Inside, a text may
 * have line breaks, as a PEM does; and one that is written in the configuration is meant.
 */
export function bodyLineBreakIssues(lineBreaks: readonly BroughtLineBreak[]): ConfigIssue[] {
  return lineBreaks
    .filter(({ keys, isAtEnd }) => isAtEnd && isInTokenBody(keys))
    .map((brought) => ({
      keys: brought.keys,
      message: `must not end in a line break ${describeOrigins(brought)}`,
    }));
}

function describeOrigins({ origins }: BroughtLineBreak): string {
  return `(${origins.join(' and ')} ${origins.length === 1 ? 'holds' : 'hold'} it)`;
}
