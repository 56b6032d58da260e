import { hash } from 'node:crypto';
import {
  type OAuth2Config,
  type TokenAuthConfig,
  type TokenServiceConfig,
  tokenUrlOf,
} from '../config/client-config.ts';
import { createMask, type Mask, secretsOfHeader } from '../core/mask-secrets.ts';
import { basicCredentials } from './static-authorizer.ts';
import type { TokenRequestParts } from './token-post.ts';

/** Names the token that these credentials get, without giving them away. Another secret gets another token. */
export function tokenKey(config: TokenAuthConfig): string {
  return `wb:token:${hash('sha256', JSON.stringify(identityOf(config)))}`;
}

/** All that tells which token is meant; for OAuth 2 a list of texts, else one that no OAuth 2 service has. */
function identityOf(config: TokenAuthConfig): readonly unknown[] {
  if (config.type === 'oauth2') {
    const { tokenUrl, clientId, scope = '', clientSecret, parameters = {} } = config;
    // Their order means nothing. Without any it is the key that tokens in Redis have had before.
    const given = Object.entries(parameters).sort(([one], [other]) => (one < other ? -1 : 1));
    return [tokenUrl, clientId, scope, clientSecret, ...given];
  }
  const { type, url, method, headers, body, tokenPointer } = config;
  return [type, url, method, headers, body ?? null, tokenPointer];
}

/** The token service's URL without what may be secret in it. */
export function tokenServiceUrl(config: TokenAuthConfig): string {
  const { origin, pathname } = new URL(tokenUrlOf(config));
  return `${origin}${pathname}`;
}

/** The token service as the subject of a sentence. */
export function tokenServiceName(config: TokenAuthConfig): string {
  return `token service ${tokenServiceUrl(config)}`;
}

/** Whether a sentence tells of an answer of the token service: then words of its own may stand in it. */
export function isTokenAnswer(failure: string): boolean {
  return /\btoken service \S+ answered /.test(failure);
}

/** Statuses that mostly mean that nothing takes requests for a token at that URL. */
const NO_SUCH_PLACE: ReadonlySet<number> = new Set([404, 405, 410]);

/** What to check if the token service answered with a status that makes it our own fault; a clause. */
export function whatToCheck(config: TokenAuthConfig, status: number): string {
  const isOAuth2 = config.type === 'oauth2';
  if (status >= 300 && (status < 400 || NO_SUCH_PLACE.has(status))) {
    return `check ${isOAuth2 ? 'tokenUrl' : 'url and method'}`;
  }
  const settings = isOAuth2 ? 'clientId, clientSecret and style' : 'url, method, headers and body';
  return `the token service refuses the credentials: check ${settings}`;
}

/** Writes the request for a token as the service takes it; the answer is wanted unpacked. */
export function buildTokenRequest(config: TokenAuthConfig): TokenRequestParts {
  const parts = config.type === 'oauth2' ? buildOAuth2Request(config) : buildCustomRequest(config);
  const isGiven = parts.headers.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'accept-encoding');
  return isGiven ? parts : { ...parts, headers: [...parts.headers, 'accept-encoding', 'identity'] };
}

/** In the style that the service takes (RFC 6749, sections 2.3.1 and 4.4). */
function buildOAuth2Request(config: OAuth2Config): TokenRequestParts {
  const { tokenUrl: url, clientId, clientSecret, scope, style, parameters } = config;
  const fields = {
    ...parameters,
    grant_type: 'client_credentials',
    ...(style !== 'basic' && { client_id: clientId, client_secret: clientSecret }),
    ...(scope !== undefined && { scope }),
  };
  const contentType = style === 'json' ? 'application/json' : 'application/x-www-form-urlencoded';
  const headers = ['Content-Type', contentType, 'Accept', 'application/json'];
  if (style === 'basic') headers.push('Authorization', basicOf(config));
  const body = style === 'json' ? JSON.stringify(fields) : new URLSearchParams(fields).toString();
  return { url, headers, body };
}

/** As a service of the client's own making takes it. */
function buildCustomRequest({ url, method, headers, body }: TokenServiceConfig): TokenRequestParts {
  const given = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const all = Object.entries(headers).flat();
  if (!given.has('accept')) all.push('Accept', 'application/json');
  if (body !== undefined && !given.has('content-type')) all.push('Content-Type', 'application/json');
  // A POST or PUT without a body says so by a length of 0.
  const text = body === undefined ? (method === 'GET' ? null : '') : JSON.stringify(body);
  return { url, method, headers: all, body: text };
}

const masks = new WeakMap<TokenAuthConfig, Mask>();

/** Takes the client's secrets, in each form that a request carries it, out of a text from outside. */
export function maskSecret(text: string, config: TokenAuthConfig): string {
  const mask = masks.get(config) ?? createMask(secretsOf(config));
  masks.set(config, mask);
  return mask(text);
}

/** Headers that hold no secret. */
const PLAIN_HEADERS: ReadonlySet<string> = new Set(['accept', 'content-type', 'user-agent']);

/** For a service of the client's own making all that may be secret: header values, texts of the body, the query. */
function secretsOf(config: TokenAuthConfig): readonly string[] {
  if (config.type === 'oauth2') {
    return [basicOf(config).slice('Basic '.length), config.clientSecret, ...(config.secretParameters ?? [])];
  }
  const { url, headers, body } = config;
  const inHeaders = Object.entries(headers).filter(([name]) => !PLAIN_HEADERS.has(name.toLowerCase()));
  return [
    ...inHeaders.flatMap(([, value]) => secretsOfHeader(value)),
    ...leavesOf(body),
    ...new URL(url).searchParams.values(),
  ];
}

function leavesOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number') return [String(value)];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leavesOf) : [];
}

/** RFC 6749, section 2.3.1: id and secret are form-encoded before they become user and password. */
function basicOf({ clientId, clientSecret }: OAuth2Config): string {
  const encode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1);
  return basicCredentials(encode(clientId), encode(clientSecret));
}
