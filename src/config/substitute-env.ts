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

/**
 * What a reference stands for, and from where; or why it stands for nothing, as a sentence without its subject, and whether
 * that is mended outside of the file.
 */
type Referred =
  | { readonly text: string; readonly origin: string }
  | { readonly message: string; readonly isOutside?: boolean };

/** A tree with its references replaced. */
export interface Substituted {
  readonly value: unknown;
  readonly issues: ConfigIssue[];
  /** By place: where a text has its line breaks from, such as `(the environment variable NAME holds it)`. */
  readonly lineBreaks: Map<string, string>;
  /** By place: the texts that a text has from variables and files. */
  readonly referred: Map<string, readonly string[]>;
}

/**
 * Puts environment variables in place of each `${NAME}` in the text values of a tree, and files in place of each
 * `${file:PATH}`; `$${` stands for a literal `${`. It works on the tree, not on the file's text, so that a value
 * cannot add anything to the structure. If a variable or file is missing the text stays as it was, with an issue.
 *
 * @param directory what the paths of files are relative to
 */
export function substituteEnv(tree: unknown, env: Env, directory: string): Substituted {
  const found: Found = { issues: [], lineBreaks: new Map(), referred: new Map() };
  // Each file is read once: many clients may share it.
  const files = new Map<string, Referred>();
  function refer(name: string): Referred {
    if (!name.startsWith(FILE)) return readVariable(name, env);
    const referred = files.get(name) ?? readFile(name.slice(FILE.length), directory);
    files.set(name, referred);
    return referred;
  }
  return { value: substituteIn(tree, [], refer, found), ...found };
}

type Found = Omit<Substituted, 'value'>;
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
  const messages = new Map<string, ConfigIssue>();
  const refuse = (message: string, isOutside = false): unknown =>
    messages.set(message, { keys, message, ...(isOutside && { cause: message }) });
  const origins = new Set<string>();
  const texts: string[] = [];
  const replaced = text.replace(REFERENCE, (match, name?: string, end?: string) => {
    if (match === '$${') return '${';
    const referred = end === '}' ? refer(name ?? '') : NO_REFERENCE;
    if ('message' in referred) {
      refuse(referred.message, referred.isOutside);
      return match;
    }
    texts.push(referred.text);
    if (/[\r\n]/.test(referred.text)) origins.add(referred.origin);
    return referred.text;
  });
  if (texts.length > 0) found.referred.set(placeOf(keys), texts);
  const holders = `(${[...origins].join(' and ')} ${origins.size === 1 ? 'holds' : 'hold'} it)`;
  if (origins.size > 0) found.lineBreaks.set(placeOf(keys), holders);
  // Inside, a text there may have line breaks, as a PEM does; and one that is written in the file is meant.
  const hasNewEnd = ENDS_IN_LINE_BREAK.test(replaced) && !ENDS_IN_LINE_BREAK.test(text);
  if (hasNewEnd && isInTokenBody(keys)) refuse(`must not end in a line break ${holders}`, true);
  found.issues.push(...messages.values());
  return messages.size > 0 ? text : replaced;
}

const NO_REFERENCE: Referred = {
  message: 'holds a ${…} that names no environment variable; a literal ${ is written as $${',
};

function readVariable(name: string, env: Env): Referred {
  if (!NAME.test(name)) return NO_REFERENCE;
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  const origin = `the environment variable ${name}`;
  return value === undefined
    ? { message: `needs ${origin}, which is not set`, isOutside: true }
    : { text: value, origin };
}

/** What a file holds, without the one line break that editors and `echo` put at its end. */
function readFile(path: string, directory: string): Referred {
  if (path === '') return { message: 'holds a ${file:} that names no file' };
  // `${file:/run/${NAME}}`: the first brace ends the reference.
  if (path.includes('${')) return { message: 'holds a ${file:…} with a variable in the name of its file' };
  const file = resolve(directory, path);
  if (isNoFileName(file)) return { message: 'must name a file in ${file:…}, not what stands in it' };
  const read = readTextFile(file, MAX_SECRET_BYTES);
  if (!read.ok) {
    return { message: `refers to a file that ${read.message}: ${showPath(file)}`, isOutside: true };
  }
  const text = read.text.replace(/\r?\n$/, '');
  if (text !== '') return { text, origin: `the file ${showPath(file)}` };
  return { message: `refers to a file that is empty: ${showPath(file)}`, isOutside: true };
}
