import type { TokenAuthConfig } from '../config/client-config.ts';
import type { Answer, AttemptResult } from '../core/attempt-result.ts';
import { isBearerToken } from '../core/header-text.ts';
import { parseJson } from '../core/json-value.ts';
import { describeValue } from '../core/quote-text.ts';
import { retryAfterMs } from '../core/retry-after.ts';
import type { Blame } from './authorizer.ts';
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
  readonly blame: Blame;
  /** Waybill itself stopped asking: this says nothing about the token service. */
  readonly calledOff?: true;
  /** What was waited for when it stopped, if that was the proxy: a clause. */
  readonly waitedFor?: string;
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
      return { refusal: `did not answer: ${clean(result.detail, config)}`, again: true, blame: 'service' };
    case 'unsent':
      // The proxy's refusal; or else the URL, or the permission to reach it, is wrong.
      return {
        refusal: `was not asked: ${clean(result.detail, config)}`,
        again: result.failureClass === 'proxy',
        blame: result.failureClass === 'proxy' ? 'proxy' : 'credentials',
      };
    case 'proxy_away': {
      const { detail, blame } = result;
      return { refusal: `was not asked: ${clean(detail, config)}`, again: blame === 'proxy', blame };
    }
    case 'shortage':
      return { refusal: `was not asked: ${clean(result.detail, config)}`, again: false, blame: 'local' };
    case 'aborted':
      return {
        ...{ refusal: 'was not waited for', again: false, blame: 'local', calledOff: true },
        ...(result.waitedFor !== undefined && { waitedFor: result.waitedFor }),
      };
  }
}

function readAnswer(answer: Answer, config: TokenAuthConfig, now: number): IssuedToken | TokenRefusal {
  const { status, whole } = answer;
  const body = whole === undefined ? { text: '' } : readTokenBody(whole);
  const value = 'text' in body ? parseJson(body.text) : undefined;
  const fields = isObject(value) ? value : {};
  // Some services write `"error": ""` or `null` beside a good token.
  const error = config.type === 'oauth2' && typeof fields.error === 'string' ? fields.error : '';
  const refuse = (what: string, more: Partial<TokenRefusal> = {}): TokenRefusal => {
    const blame = isOursToMend(status, error) ? 'credentials' : 'service';
    return { refusal: `answered ${status}${what}`, again: false, blame, status, ...more };
  };
  if (status < 200 || status > 299 || error !== '') {
    // Nothing but a code is handed on: a service may echo anything there.
    const code = /^[a-z_]{1,40}$/.test(error) ? { error } : {};
    return refuse(readReason(answer, fields, config), { ...code, ...whenToAskAgain(answer, now) });
  }
  if ('problem' in body) return refuse(body.problem, { again: body.again });
  const read = body.text === '' ? ' with an empty body' : readToken(value, config);
  if (typeof read === 'string') return refuse(read);
  const assumedS = config.type === 'oauth2' ? ASSUMED_LIFETIME_S : config.expiresInSeconds;
  const lifetimeS = readLifetimeS(read.expiresIn, assumedS);
  const notes = [noteOnType(read, config), noteOnLifetime(read.expiresIn, lifetimeS, config)].filter(Boolean);
  return {
    accessToken: read.token,
    lifetimeMs: lifetimeS * 1_000,
    ...(notes.length > 0 && { note: notes.join('; ') }),
  };
}

/** Whether the settings are wrong: a redirect is not followed, and some services answer an `error` with a 200. */
function isOursToMend(status: number, error: string): boolean {
  if (status < 300) return error !== '';
  return status < 500 && status !== 408 && status !== 429;
}

function whenToAskAgain({ status, retryAfter }: Answer, now: number): Partial<TokenRefusal> {
  const ms = retryAfterMs(retryAfter, now);
  return ms > 0 ? { retryAfterMs: ms } : { again: status >= 500 || status === 429 };
}

/** What an answer says of a token. */
interface TokenFields {
  /** Without the blanks around it; empty if the answer has none. */
  readonly token: string;
  readonly expiresIn: unknown;
  /** RFC 6749, section 5.1 */
  readonly tokenType?: unknown;
}

/** Finds the fields that RFC 6749 or the configuration names; a text says why they hold no usable token. */
function readToken(value: unknown, config: TokenAuthConfig): TokenFields | string {
  if (config.type === 'oauth2') {
    if (!isObject(value)) return ' with a body that is no JSON object';
    const { access_token: token, expires_in: expiresIn, token_type: tokenType } = value;
    const fields = { token: trimmed(token), expiresIn, tokenType };
    return findProblem(fields, 'access_token') ?? fields;
  }
  if (value === undefined) return ' with a body that is not JSON';
  const { tokenPointer, expiresInPointer } = config;
  const expiresIn = expiresInPointer === undefined ? undefined : follow(value, expiresInPointer);
  const fields = { token: trimmed(follow(value, tokenPointer)), expiresIn };
  return findProblem(fields, `the text at ${tokenPointer === '' ? 'the top' : tokenPointer}`) ?? fields;
}

function trimmed(value: unknown): string {
  return typeof value === 'string' ? value.trim() : '';
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

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @param place where the token is looked for, as the subject of a sentence */
function findProblem({ token, tokenType }: TokenFields, place: string): string | undefined {
  if (token === '') return `, but ${place} is missing`;
  if (token.length > LONGEST_TOKEN) return `, but ${place} is longer than ${LONGEST_TOKEN} characters`;
  if (!isBearerToken(token)) {
    return `, but ${place} holds a blank or another character that no token may have`;
  }
  const type = trimmed(tokenType);
  if (!SIGNED_TYPES.has(type.toLowerCase())) return undefined;
  return `, but token_type is ${type}, which Waybill does not support`;
}

/** Services write BearerToken, JWT, jwt-bearer or nothing at all, and mean Bearer. */
function noteOnType({ tokenType, token }: TokenFields, config: TokenAuthConfig): string | undefined {
  if (config.type !== 'oauth2') return undefined;
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
  fields: Record<string, unknown>,
  config: TokenAuthConfig,
): string {
  if (status >= 300 && status <= 399) return redirectTo(whole?.location, config);
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
