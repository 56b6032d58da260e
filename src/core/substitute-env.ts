import type { ConfigIssue } from './config-problem.ts';

const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;

/** Environment variables, as in `process.env`. */
export type Env = Readonly<Record<string, string | undefined>>;

/**
 * Puts environment variables in place of each `${NAME}` in the text values of a tree; `$${` stands for a
 * literal `${`. It works on the tree, not on the file's text, so that a value cannot add anything to the
 * structure. Where a variable is missing the text stays as it was, with an issue.
 */
export function substituteEnv(tree: unknown, env: Env): { value: unknown; issues: ConfigIssue[] } {
  const issues: ConfigIssue[] = [];
  const value = substituteIn(tree, [], env, issues);
  return { value, issues };
}

function substituteIn(node: unknown, keys: PropertyKey[], env: Env, issues: ConfigIssue[]): unknown {
  if (typeof node === 'string') return substituteText(node, keys, env, issues);
  if (Array.isArray(node))
    return node.map((item, index) => substituteIn(item, [...keys, index], env, issues));
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, substituteIn(value, [...keys, key], env, issues)]),
  );
}

function substituteText(text: string, keys: PropertyKey[], env: Env, issues: ConfigIssue[]): string {
  const messages = new Set<string>();
  const replaced = text.replace(REFERENCE, (match, name: string | undefined, end: string | undefined) => {
    if (match === '$${') return '${';
    if (name === undefined || end !== '}' || !NAME.test(name)) {
      messages.add('holds a ${…} that names no environment variable; a literal ${ is written as $${');
      return match;
    }
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value === undefined) messages.add(`needs the environment variable ${name}, which is not set`);
    return value ?? match;
  });
  for (const message of messages) issues.push({ keys, message });
  return messages.size === 0 ? replaced : text;
}
