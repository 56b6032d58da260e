import { parse } from 'yaml';
import { TEMPLATE } from './config-template.ts';

/** In the template, the lines of the one type of auth that stands in lines of its own beside the one in use. */
const TOKEN_SERVICE = /^ *# {3}(?=type: token_service$|.*\{auth\.token_service\.)/;
/** A type of auth in one line. */
const ONE_LINE_AUTH = /^ *# {3}(\{ type: .*\})$/;
/** A setting that is commented out, or an item of a list. */
const COMMENTED = /^( *)# (?= *(?:- |[A-Za-z]\w*:(?: |$)))/;

/** A file with an example of each setting, but for the types of auth that are not in use. */
interface ExampleConfig extends Readonly<Record<string, unknown>> {
  readonly clients: Readonly<Record<string, { readonly auth?: unknown }>>;
}

const LINES = TEMPLATE.split('\n');

/** What the template shows, with all of its settings in use; of two ways to give one setting, the latter. */
export function exampleConfig(): ExampleConfig {
  const lines = LINES.filter((line) => !TOKEN_SERVICE.test(line));
  return parse(lines.map((line) => line.replace(COMMENTED, '$1')).join('\n'), { uniqueKeys: false });
}

/** The example of each type of auth in the template, by type. */
export function exampleAuth(): ReadonlyMap<string, unknown> {
  const service = LINES.flatMap((line) => (TOKEN_SERVICE.test(line) ? line.replace(TOKEN_SERVICE, '') : []));
  const texts = LINES.flatMap((line) => ONE_LINE_AUTH.exec(line)?.[1] ?? []);
  const inUse = Object.values(exampleConfig().clients).map(({ auth }) => auth);
  const all = [...inUse, ...[service.join('\n'), ...texts].map((text): unknown => parse(text))];
  return new Map(all.map((auth) => [String(Object(auth).type), auth]));
}
