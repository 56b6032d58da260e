import type { ConfigIssue } from './config-problem.ts';

const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;

const ENDS_IN_LINE_BREAK = /[\r\n]$/;

/** Environment variables, as in `process.env`. */
export type Env = Readonly<Record<string, string | undefined>>;

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
 * Puts environment variables in place of each `${NAME}` in the text values of a tree; `$${` stands for a
 * literal `${`. It works on the tree, not on the file's text, so that a value cannot add anything to the
 * structure. Where a variable is missing the text stays as it was, with an issue.
 */
export function substituteEnv(tree: unknown, env: Env): Substituted {
  const found: Found = { issues: [], lineBreaks: [] };
  return { value: substituteIn(tree, [], env, found), ...found };
}

type Found = Omit<Substituted, 'value'>;

function substituteIn(node: unknown, keys: PropertyKey[], env: Env, found: Found): unknown {
  if (typeof node === 'string') return substituteText(node, keys, env, found);
  if (Array.isArray(node)) return node.map((item, index) => substituteIn(item, [...keys, index], env, found));
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, substituteIn(value, [...keys, key], env, found)]),
  );
}

function substituteText(text: string, keys: PropertyKey[], env: Env, found: Found): string {
  const messages = new Set<string>();
  const origins = new Set<string>();
  const replaced = text.replace(REFERENCE, (match, name?: string, end?: string) => {
    if (match === '$${') return '${';
    const referred = end === '}' ? readVariable(name ?? '', env) : NO_REFERENCE;
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

type Referred = { readonly value: string; readonly origin: string } | { readonly message: string };

const NO_REFERENCE: Referred = {
  message: 'holds a ${…} that names no environment variable; a literal ${ is written as $${',
};

function readVariable(name: string, env: Env): Referred {
  if (!NAME.test(name)) return NO_REFERENCE;
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  const origin = `the environment variable ${name}`;
  return value === undefined ? { message: `needs ${origin}, which is not set` } : { value, origin };
}
