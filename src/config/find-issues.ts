import { valueAt, writtenKeys } from './client-defaults.ts';
import { type ConfigIssue, placeOf } from './config-error.ts';
import type { YamlTree } from './read-yaml.ts';
import type { Substituted } from './substitute-env.ts';
import { isInTokenBody } from './token-service-config.ts';

/** What was found in a file. */
export interface Findings {
  /** The file. */
  readonly yaml: YamlTree;
  /** Its tree with `defaults` in each client; the places of all issues are places of it. */
  readonly merged: unknown;
  readonly substituted: Substituted;
  readonly ofTls: readonly ConfigIssue[];
  readonly ofSchema: readonly ConfigIssue[];
}

/** An issue where it is to be mended. */
interface RootedIssue extends ConfigIssue {
  /** The place that is affected. */
  readonly at: readonly PropertyKey[];
  /** Issues with the same root have one cause. */
  readonly root: string;
}

/**
 * Everything that is wrong with a file, once for each root: an unset variable, a file that many clients name, a setting
 * in `defaults`, or what aliases stand for. What follows from a cause is not said again: `${HOST}`, unset, is no URL
 * either.
 */
export function findIssues(findings: Findings): ConfigIssue[] {
  const { yaml, merged, substituted, ofTls } = findings;
  const ofSchema = findings.ofSchema
    .map((issue) => nameOrigin(issue, substituted.lineBreaks))
    .map((issue) => rooted(issue, findings));
  const files = ofTls.map((issue) =>
    rooted({ root: JSON.stringify(valueAt(merged, issue.keys)), ...issue }, findings),
  );
  const others = [...files, ...asDefaultsSay(ofSchema)];
  const causes = [...yaml.issues, ...substituted.issues, ...respelledIssues(yaml, ofSchema)].map((issue) =>
    rooted(issue, findings),
  );
  return tellOnce([...causes, ...elsewhere(others, causes)], yaml);
}

function rooted(issue: ConfigIssue, { yaml, merged, substituted }: Findings): RootedIssue {
  const { keys: at, message } = issue;
  const keys = writtenKeys(at, merged, yaml.value);
  // A text that has its value from a variable is mended there, wherever it stands.
  const written = substituted.referred.has(placeOf(at)) ? String(valueAt(merged, at)) : undefined;
  const root = issue.root ?? written ?? placeOf(yaml.originOf(keys));
  return { keys, message, at, root: `${root} ${message}` };
}

/** Adds to an issue about a line break where the line break came from. */
function nameOrigin(issue: ConfigIssue, lineBreaks: ReadonlyMap<string, string>): ConfigIssue {
  const origin = lineBreaks.get(placeOf(issue.keys));
  if (origin === undefined || !issue.message.endsWith(' a line break')) return issue;
  const message = `${issue.message} ${origin}`;
  return { ...issue, message, root: origin };
}

/** A setting of `defaults` may be known there and not in a client, or the other way round: `defaults` has the say. */
function asDefaultsSay(issues: readonly RootedIssue[]): RootedIssue[] {
  const own = issues.filter(({ at }) => at[0] === 'defaults');
  const byPlace = new Map(own.map((issue) => [placeOf(issue.keys), issue]));
  return issues.map((issue) => {
    const { message, root } = (issue.keys[0] === 'defaults' && byPlace.get(placeOf(issue.keys))) || issue;
    return issue.at[0] === 'defaults' ? issue : { ...issue, message, root };
  });
}

const QUOTES = 'put it in quotes if it is text';
const LOSES_DIGITS = `is a number that loses digits: ${QUOTES}, shorten it if not`;
const RESPELLED = `is a number that is sent in another spelling: ${QUOTES}, spell it like 1000 or 0.5 if not`;

/**
 * Refuses numbers that are not what was written: everywhere if they lose digits, and by their spelling in the body of a
 * token service, which is sent as the file has it. The sentences do not repeat the number, since it may be a password.
 *
 * @param known issues of the schema, which say more of the same places
 */
function respelledIssues({ respelled }: YamlTree, known: readonly ConfigIssue[]): ConfigIssue[] {
  return elsewhere(respelled, known)
    .filter(({ keys, losesDigits }) => losesDigits || isInTokenBody(keys))
    .map(({ keys, losesDigits }) => ({ keys, message: losesDigits ? LOSES_DIGITS : RESPELLED }));
}

/** Keeps what stands at other places than `others`. */
function elsewhere<Placed extends Pick<ConfigIssue, 'keys'>>(
  placed: readonly Placed[],
  others: readonly Pick<ConfigIssue, 'keys'>[],
): Placed[] {
  const places = new Set(others.map(({ keys }) => placeOf(keys)));
  return placed.filter(({ keys }) => !places.has(placeOf(keys)));
}

/** One issue for each root, at the first of its places in the file, with the count of the places that it affects. */
function tellOnce(issues: readonly RootedIssue[], yaml: YamlTree): ConfigIssue[] {
  const byRoot = new Map<string, RootedIssue[]>();
  for (const issue of issues) {
    const group = byRoot.get(issue.root);
    if (group === undefined) byRoot.set(issue.root, [issue]);
    else group.push(issue);
  }
  return [...byRoot.values()].map((group) => {
    const line = ({ keys }: RootedIssue): number => yaml.lineOf(keys) ?? 0;
    const { keys, message } = group.reduce((one, other) => (line(other) < line(one) ? other : one));
    // What stands in `defaults` affects nothing by itself.
    const places = new Set(group.filter(({ at }) => at[0] !== 'defaults').map(({ at }) => placeOf(at)));
    return { keys, message: places.size > 1 ? `${message} (affects ${places.size} places)` : message };
  });
}
