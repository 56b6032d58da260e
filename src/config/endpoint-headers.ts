import { z } from 'zod';
import { placeOf } from './config-error.ts';
import { ALWAYS, headerValue, requestHeaderName } from './http-fields.ts';

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
/** RFC 9110, section 8.3.1, and RFC 6839, section 3.1. */
const JSON_TYPE = new RegExp(
  `^(?:application/json|${TOKEN}/${TOKEN}\\+json)(?: *; *${TOKEN}=(?:${TOKEN}|"[^"\\\\]*"))*$`,
  'i',
);

/** Headers of each request to an endpoint, beside Waybill's own. */
export const headersSchema = z.record(requestHeaderName, headerValue).superRefine((headers, context) => {
  const seen = new Set<string>();
  for (const [name, value] of entriesOf(headers)) {
    const lower = name.toLowerCase();
    const refuse = (message: string) => context.addIssue({ code: 'custom', path: [name], message });
    if (seen.has(lower)) refuse('is given twice: upper and lower case make no other header');
    seen.add(lower);
    if (lower === 'content-type' && typeof value === 'string' && !JSON_TYPE.test(value)) {
      refuse('must be a media type of JSON: application/json, or one that ends in +json');
    }
  }
}, ALWAYS);

/** Refuses headers that the client's own authentication writes. The client may be anything that a file can say. */
export function refuseHeadersOfAuth(client: unknown, context: z.RefinementCtx): void {
  const { auth, headers, endpoints } = sectionOf(client);
  const written = headerOfAuth(sectionOf(auth));
  if (written === undefined) return;
  const sections = Object.entries(sectionOf(endpoints)).map(
    ([type, endpoint]) => [['endpoints', type, 'headers'], sectionOf(endpoint)['headers']] as const,
  );
  for (const [keys, section] of [[['headers'], headers] as const, ...sections]) {
    for (const [name] of entriesOf(section)) {
      if (name.toLowerCase() !== written) continue;
      const message = 'must not be given: auth writes that header';
      context.addIssue({ code: 'custom', path: [...keys, name], message });
    }
  }
}

/** Types that write `Authorization`. */
const AUTHORIZATION: ReadonlySet<unknown> = new Set(['bearer', 'basic', 'oauth2', 'aws_sigv4']);

/** In lower case; undefined: none. What is not valid is told elsewhere. */
function headerOfAuth({ type, header }: Readonly<Record<string, unknown>>): string | undefined {
  if (AUTHORIZATION.has(type)) return 'authorization';
  if (type === 'token_service') return typeof header === 'string' ? header.toLowerCase() : 'authorization';
  return type === 'api_key' && typeof header === 'string' ? header.toLowerCase() : undefined;
}

function sectionOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function entriesOf(section: unknown): [string, unknown][] {
  return Object.entries(sectionOf(section));
}

/** A section of headers, and the keys that lead to it. */
interface HeadersSection {
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly keys: readonly PropertyKey[];
}

/** The headers of an endpoint as requests carry them; both are left out if there are none. */
export interface EndpointHeaders {
  /** Names and values in turns. */
  readonly headers?: readonly string[];
  /** The values, and parts of values, that came from `${…}`: what an answer repeats of them is masked. */
  readonly secretHeaders?: readonly string[];
}

/**
 * Merges sections of headers by name, whatever its case; later ones win.
 *
 * @param referred by place, the texts that `${…}` stood for
 */
export function mergeHeaders(
  sections: readonly HeadersSection[],
  referred: ReadonlyMap<string, readonly string[]>,
): EndpointHeaders {
  const byName = new Map<string, { readonly pair: readonly string[]; readonly secrets: readonly string[] }>();
  for (const { headers = {}, keys } of sections) {
    for (const [name, value] of Object.entries(headers)) {
      const texts = referred.get(placeOf([...keys, name]));
      byName.set(name.toLowerCase(), { pair: [name, value], secrets: texts ? [value, ...texts] : [] });
    }
  }
  if (byName.size === 0) return {};
  const all = [...byName.values()];
  return { headers: all.flatMap(({ pair }) => pair), secretHeaders: all.flatMap(({ secrets }) => secrets) };
}
