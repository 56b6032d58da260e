import { groupBy } from '../core/group-by.ts';
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

/** An issue with its source. */
interface TracedIssue extends Pick<ConfigIssue, 'message'> {
  /** The place that is affected, in the tree with `defaults` in each client. */
  readonly affected: readonly PropertyKey[];
  /** The place to mend, in the file. */
  readonly mendAt: readonly PropertyKey[];
  /** Issues with the same cause are told once. */
  readonly cause: string;
}

/**
 * Everything that is wrong with a file, once for each cause: an unset variable, a file that many clients name, a setting
 * in `defaults`, or what aliases stand for. What follows from a cause is not said again: `${HOST}`, unset, is no URL
 * either.
 */
export function findIssues(findings: Findings): ConfigIssue[] {
  const { yaml, merged, substituted, ofTls } = findings;
  const traced = (issue: ConfigIssue): TracedIssue => trace(issue, findings);
  const ofSchema = findings.ofSchema.map((issue) => nameSource(issue, substituted.lineBreaks)).map(traced);
  const files = ofTls.map((issue) =>
    traced({ cause: JSON.stringify(valueAt(merged, issue.keys)), ...issue }),
  );
  const causes = [...yaml.issues, ...substituted.issues, ...respelledIssues(yaml, ofSchema)].map(traced);
  const known = placesOf(causes);
  const others = [...files, ...asDefaultsSay(ofSchema)].filter(({ mendAt }) => !known.has(placeOf(mendAt)));
  return tellOnce([...causes, ...others], yaml);
}

function trace(issue: ConfigIssue, { yaml, merged, substituted }: Findings): TracedIssue {
  const { keys: affected } = issue;
  const mendAt = writtenKeys(affected, merged, yaml.value);
  const message = nameType(issue, mendAt, merged);
  // A text that has its value from a variable is mended there, wherever it stands.
  const isReferred = substituted.referred.has(placeOf(affected));
  const written = isReferred ? String(valueAt(merged, affected)) : undefined;
  const cause = issue.cause ?? written ?? placeOf(yaml.originOf(mendAt));
  return { message, affected, mendAt, cause: `${cause} ${message}` };
}

/** An `auth` in `defaults` without a type may have settings that the type of a client does not know. */
function nameType({ keys, message }: ConfigIssue, mendAt: readonly PropertyKey[], merged: unknown): string {
  const isOfType = mendAt[0] === 'defaults' && mendAt[1] === 'auth' && mendAt.length === 3;
  if (!isOfType || keys[0] === 'defaults' || !message.startsWith('is not a known setting')) return message;
  return `is no setting of auth of type ${valueAt(merged, [...keys.slice(0, 3), 'type'])}, which a client has`;
}

function placesOf(issues: readonly TracedIssue[]): ReadonlySet<string> {
  return new Set(issues.map(({ mendAt }) => placeOf(mendAt)));
}

/** Adds to an issue about a line break where the line break came from. */
function nameSource(issue: ConfigIssue, lineBreaks: ReadonlyMap<string, string>): ConfigIssue {
  const source = lineBreaks.get(placeOf(issue.keys));
  if (source === undefined || !issue.message.endsWith(' a line break')) return issue;
  return { ...issue, message: `${issue.message} ${source}`, cause: source };
}

/** A setting of `defaults` may be known there and not in a client, or the other way round: `defaults` has the say. */
function asDefaultsSay(issues: readonly TracedIssue[]): TracedIssue[] {
  const own = issues.filter(({ affected }) => affected[0] === 'defaults');
  const byPlace = new Map(own.map((issue) => [placeOf(issue.mendAt), issue]));
  return issues.map((issue) => {
    const isOfDefaults = issue.mendAt[0] === 'defaults' && issue.affected[0] !== 'defaults';
    const { message, cause } = (isOfDefaults && byPlace.get(placeOf(issue.mendAt))) || issue;
    return { ...issue, message, cause };
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
function respelledIssues({ respelled }: YamlTree, known: readonly TracedIssue[]): ConfigIssue[] {
  const places = placesOf(known);
  return respelled
    .filter(({ keys, losesDigits }) => losesDigits || isInTokenBody(keys))
    .filter(({ keys }) => !places.has(placeOf(keys)))
    .map(({ keys, losesDigits }) => ({ keys, message: losesDigits ? LOSES_DIGITS : RESPELLED }));
}

/** One issue for each cause, at the first of its places in the file, with the count of the places that it affects. */
function tellOnce(issues: readonly TracedIssue[], yaml: YamlTree): ConfigIssue[] {
  const line = ({ mendAt }: TracedIssue): number => yaml.lineOf(mendAt) ?? 0;
  return [...groupBy(issues, ({ cause }) => cause).values()].map((group) => {
    const { mendAt: keys, message } = group.reduce((one, other) => (line(other) < line(one) ? other : one));
    // What stands in `defaults` affects nothing by itself.
    const affected = group.filter((issue) => issue.affected[0] !== 'defaults');
    const places = new Set(affected.map((issue) => placeOf(issue.affected)));
    return { keys, message: places.size > 1 ? `${message} (affects ${places.size} places)` : message };
  });
}
