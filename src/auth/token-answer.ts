import type { TokenAuthConfig } from '../config/client-config.ts';
import type { Answer, AttemptResult } from '../core/attempt-result.ts';
import { isBearerToken } from '../core/header-text.ts';
import { parseJson } from '../core/json-value.ts';
import { describeValue } from '../core/quote-text.ts';
import { parseRetryAfter } from '../core/retry-after.ts';
import { pickCustomFields, type TokenFields } from './custom-token-service.ts';
import { LONGEST_RETRY_AFTER_MS } from './renewal-block.ts';
import { readTokenBody } from './token-post.ts';
import { maskSecret, tokenServiceUrl } from './token-service.ts';

/** A token as the service issued it. */
export interface IssuedToken {
  readonly accessToken: string;
  /** Counted from the receipt of the answer. */
  readonly lifetimeMs: number;
  /** What is unusual about the answer, for the integrator; to follow `issued a token`. */
  readonly note?: string;
}

/** The token service gave no token. */
export interface TokenRefusal {
  /** What it did instead, to follow its name in a sentence; without secrets. */
  readonly refusal: string;
  /** Whether the same request may succeed a moment later. */
  readonly again: boolean;
  /** Waybill itself stopped asking: this says nothing about the token service. */
  readonly calledOff?: true;
  /** Of the answer; absent: there was none. */
  readonly status?: number;
  /** The `error` of RFC 6749, section 5.2. */
  readonly error?: string;
  /** The `Retry-After` of the answer, in milliseconds; at most an hour. */
  readonly retryAfterMs?: number;
}

/** Used if `expires_in` is missing or senseless; a token that lives shorter is renewed after its first 401. */
const ASSUMED_LIFETIME_S = 3_600;
const LONGEST_LIFETIME_S = 7 * 86_400;
/** A token that expires sooner is used for so long all the same: a 401 renews it, and its expiry alone cannot loop. */
const LEAST_LIFETIME_S = 5;
/** Larger ones exceed what servers accept as headers. */
const LONGEST_TOKEN = 16_384;
const LONGEST_REASON = 200;
/** A token of these types is no use without a signature that Waybill does not make. */
const SIGNED_TYPES: ReadonlySet<string> = new Set(['mac', 'dpop', 'pop']);

/**
 * Reads what the token service sent: lenient if services differ from RFC 6749 (any `token_type` but MAC and DPoP,
 * `expires_in` missing or written as text, blanks around the token), strict about what goes into a header.
 * `created_at` is not looked at, since the clocks differ.
 *
 * @param now ms since the epoch, for a `Retry-After` that is a date
 */
export function readTokenAnswer(
  result: AttemptResult,
  config: TokenAuthConfig,
  now: number,
): IssuedToken | TokenRefusal {
  switch (result.kind) {
    case 'answer':
      return readAnswer(result, config, now);
    case 'no_answer':
      return { refusal: `did not answer: ${clean(result.detail, config)}`, again: true };
    case 'unsent':
      return { refusal: `was not asked: ${clean(result.detail, config)}`, again: false };
    case 'aborted':
      return { refusal: 'was not waited for', again: false, calledOff: true };
  }
}

function readAnswer(answer: Answer, config: TokenAuthConfig, now: number): IssuedToken | TokenRefusal {
  const { status, whole } = answer;
  const isGood = status >= 200 && status <= 299;
  const body = whole === undefined ? { text: '' } : readTokenBody(whole);
  const value = 'text' in body ? parseJson(body.text) : undefined;
  const fields = isObject(value) ? value : undefined;
  if (!isGood || saysError(fields, config)) {
    const refusal = `answered ${status}${readReason(answer, fields, config)}`;
    return { refusal, status, ...errorOf(fields, config), ...whenToAskAgain(answer, now) };
  }
  if ('problem' in body) return { refusal: `answered ${status}${body.problem}`, again: body.again, status };
  if (body.text === '') return { refusal: `answered ${status} with an empty body`, again: false, status };
  const picked = pick(value, config);
  const problem = 'problem' in picked ? picked.problem : findProblem(picked);
  if (problem !== undefined) return { refusal: `answered ${status}${problem}`, again: false, status };
  const { token, expiresIn, tokenType } = picked as TokenFields;
  const assumedS = config.type === 'oauth2' ? ASSUMED_LIFETIME_S : config.expiresInSeconds;
  const lifetimeS = readLifetimeS(expiresIn, assumedS);
  const notes = [
    config.type === 'oauth2' ? noteOnType(tokenType, token as string, config) : undefined,
    noteOnLifetime(expiresIn, lifetimeS, config),
  ].filter((note) => note !== undefined);
  return {
    accessToken: (token as string).trim(),
    lifetimeMs: lifetimeS * 1_000,
    ...(notes.length > 0 && { note: notes.join('; ') }),
  };
}

/** Some services write `"error": ""` or `null` beside a good token. */
function saysError(fields: Record<string, unknown> | undefined, config: TokenAuthConfig): boolean {
  return config.type === 'oauth2' && typeof fields?.error === 'string' && fields.error !== '';
}

/** Nothing but a code is handed on: a service may echo anything there. */
function errorOf(fields: Record<string, unknown> | undefined, config: TokenAuthConfig): { error?: string } {
  const error = config.type === 'oauth2' ? fields?.error : undefined;
  return typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? { error } : {};
}

function whenToAskAgain(
  { status, retryAfter }: Answer,
  now: number,
): Pick<TokenRefusal, 'again' | 'retryAfterMs'> {
  const retryAfterMs = Math.min(parseRetryAfter(retryAfter, now) ?? 0, LONGEST_RETRY_AFTER_MS);
  if (retryAfterMs > 0) return { again: false, retryAfterMs };
  return { again: status >= 500 || status === 429 };
}

function pick(value: unknown, config: TokenAuthConfig): TokenFields | { readonly problem: string } {
  if (config.type === 'token_service') {
    return value === undefined
      ? { problem: ' with a body that is not JSON' }
      : pickCustomFields(value, config);
  }
  if (!isObject(value)) return { problem: ' with a body that is no JSON object' };
  const { access_token: token, expires_in: expiresIn, token_type: tokenType } = value;
  return { token, expiresIn, tokenType, place: 'access_token' };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function findProblem({ token: given, tokenType, place }: TokenFields): string | undefined {
  const token = typeof given === 'string' ? given.trim() : '';
  if (token === '') return `, but ${place} is missing`;
  if (token.length > LONGEST_TOKEN) return `, but ${place} is longer than ${LONGEST_TOKEN} characters`;
  if (!isBearerToken(token))
    return `, but ${place} holds a blank or another character that no token may have`;
  if (typeof tokenType !== 'string' || !SIGNED_TYPES.has(tokenType.trim().toLowerCase())) return undefined;
  return `, but token_type is ${tokenType.trim()}, which Waybill does not support`;
}

/** Services write BearerToken, JWT, jwt-bearer or nothing at all, and mean Bearer. */
function noteOnType(tokenType: unknown, token: string, config: TokenAuthConfig): string | undefined {
  if (tokenType === undefined || tokenType === null) return 'without a token_type, used as Bearer';
  if (typeof tokenType === 'string' && tokenType.toLowerCase() === 'bearer') return undefined;
  // A service may echo anything there, the token or the secret too.
  const shown = clean(describeValue(tokenType).replaceAll(token, '***'), config);
  return `of token_type ${shown}, used as Bearer`;
}

/** The service says none, a date, or milliseconds. A text is not quoted: the pointer may lead to the token itself. */
function noteOnLifetime(expiresIn: unknown, usedS: number, config: TokenAuthConfig): string | undefined {
  const place = config.type === 'oauth2' ? 'expires_in' : config.expiresInPointer;
  if (place === undefined || Number(expiresIn) === usedS) return undefined;
  const isRead = typeof expiresIn === 'number' || usedS === LONGEST_LIFETIME_S || usedS === LEAST_LIFETIME_S;
  const found = typeof expiresIn === 'number' ? `of ${place} ${expiresIn}` : `with another ${place}`;
  return `${isRead ? found : `without a usable ${place}`}, used for ${usedS} s`;
}

function readLifetimeS(expiresIn: unknown, assumedS: number): number {
  const seconds = typeof expiresIn === 'string' && expiresIn.trim() !== '' ? Number(expiresIn) : expiresIn;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds <= 0) return assumedS;
  return Math.max(LEAST_LIFETIME_S, Math.min(seconds, LONGEST_LIFETIME_S));
}

/** RFC 6749, section 5.2: a code, and perhaps a sentence for the developer of the client; others have a message. */
function readReason(
  { status, whole }: Answer,
  fields: Record<string, unknown> | undefined,
  config: TokenAuthConfig,
): string {
  if (status >= 300 && status <= 399) return redirectTo(whole?.location, config);
  if (fields === undefined) return '';
  const { error, error_description: description } = fields;
  const message = isObject(error) ? error.message : fields.message;
  const isText = (text: unknown): boolean => typeof text === 'string' && text !== '';
  const texts = [error, description, message].filter(isText);
  return texts.length === 0 ? '' : `: ${clean(texts.join(', '), config)}`;
}

/** Names the target without its query, in which anything may stand. */
function redirectTo(location: string | undefined, config: TokenAuthConfig): string {
  const advice = 'redirects are not followed';
  const base = tokenServiceUrl(config);
  if (location === undefined || !URL.canParse(location, base)) return `: ${advice}`;
  const { origin, pathname } = new URL(location, base);
  return `, a redirect to ${clean(`${origin}${pathname}`, config)}: ${advice}`;
}

function clean(text: string, config: TokenAuthConfig): string {
  const masked = maskSecret(text, config)
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  return masked.length <= LONGEST_REASON ? masked : `${masked.slice(0, LONGEST_REASON)}…`;
}
