import type { TokenServiceConfig } from '../config/client-config.ts';
import { secretsOfHeader } from './mask-secrets.ts';
import type { TokenRequestParts } from './token-post.ts';

/** Writes the request for a token as a service of the client's own making takes it. */
export function buildCustomRequest({ url, method, headers, body }: TokenServiceConfig): TokenRequestParts {
  const given = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const all = Object.entries(headers).flat();
  if (!given.has('accept')) all.push('Accept', 'application/json');
  if (body !== undefined && !given.has('content-type')) all.push('Content-Type', 'application/json');
  // A POST or PUT without a body says so by a length of 0.
  const text = body === undefined ? (method === 'GET' ? null : '') : JSON.stringify(body);
  return { url, method, headers: all, body: text };
}

/** What an answer says of a token, not looked at so far. */
export interface TokenFields {
  readonly token: unknown;
  readonly expiresIn: unknown;
  /** RFC 6749, section 5.1 */
  readonly tokenType?: unknown;
  /** Where the token is looked for, as the subject of a sentence. */
  readonly place: string;
}

/** Finds what the configuration points at in the service's answer. */
export function pickCustomFields(answer: unknown, config: TokenServiceConfig): TokenFields {
  const { tokenPointer, expiresInPointer } = config;
  return {
    token: follow(answer, tokenPointer),
    expiresIn: expiresInPointer === undefined ? undefined : follow(answer, expiresInPointer),
    place: `the text at ${tokenPointer === '' ? 'the top' : tokenPointer}`,
  };
}

/** RFC 6901, section 4; undefined if it leads nowhere. */
function follow(value: unknown, pointer: string): unknown {
  let found = value;
  for (const step of pointer.split('/').slice(1)) {
    if (typeof found !== 'object' || found === null) return undefined;
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (!Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}

/**
 * Everything in a request that may be secret, and nobody says what is: the values of the headers, with and without
 * a scheme, all texts of the body, and what stands in the query.
 */
export function customSecrets({ url, headers, body }: TokenServiceConfig): readonly string[] {
  const inHeaders = Object.entries(headers).filter(([name]) => !PLAIN_HEADERS.has(name.toLowerCase()));
  return [
    ...inHeaders.flatMap(([, value]) => secretsOfHeader(value)),
    ...leavesOf(body),
    ...new URL(url).searchParams.values(),
  ];
}

/** They say how to write, and hold no secret. */
const PLAIN_HEADERS: ReadonlySet<string> = new Set(['accept', 'content-type', 'user-agent']);

function leavesOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number') return [String(value)];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leavesOf) : [];
}
