import type { AttemptResult } from '../core/attempt-result.ts';
import type { TokenAuthConfig } from '../core/client-config.ts';
import { isBearerToken } from '../core/header-text.ts';
import { pickCustomFields, type TokenFields } from './custom-token-service.ts';
import { maskSecret } from './token-service.ts';

/** A token as the service issued it. */
export interface IssuedToken {
  readonly accessToken: string;
  /** Counted from the receipt of the answer. */
  readonly lifetimeMs: number;
}

/** The token service gave no token. */
export interface TokenRefusal {
  /** What it did instead, to follow its name in a sentence; without secrets. */
  readonly refusal: string;
  /** Whether the same request may succeed a moment later. */
  readonly again: boolean;
  /** Waybill itself stopped asking: this says nothing about the token service. */
  readonly calledOff?: true;
}

/** Where `expires_in` is missing or senseless; a token that lives shorter is renewed after its first 401. */
const ASSUMED_LIFETIME_S = 3_600;
const LONGEST_LIFETIME_S = 7 * 86_400;
/** Larger ones exceed what servers accept as headers. */
const LONGEST_TOKEN = 16_384;
const LONGEST_REASON = 200;

/**
 * Reads what the token service sent: lenient where services differ from RFC 6749 (`token_type` missing,
 * `expires_in` missing or written as text), strict about what goes into a header. `created_at` is not
 * looked at, since the clocks differ.
 */
export function readTokenAnswer(result: AttemptResult, config: TokenAuthConfig): IssuedToken | TokenRefusal {
  switch (result.kind) {
    case 'answer':
      return readAnswer(result.status, result.body, config);
    case 'no_answer':
      return { refusal: `did not answer: ${clean(result.detail, config)}`, again: true };
    case 'unsent':
      return { refusal: `was not asked: ${clean(result.detail, config)}`, again: false };
    case 'aborted':
      return { refusal: 'was not waited for', again: false, calledOff: true };
  }
}

function readAnswer(status: number, body: string, config: TokenAuthConfig): IssuedToken | TokenRefusal {
  const value = parseJson(body);
  const fields = isObject(value) ? value : undefined;
  const saysError = config.type === 'oauth2' && typeof fields?.error === 'string';
  if (status < 200 || status > 299 || saysError) {
    const reason = fields === undefined ? '' : readReason(fields, config);
    return { refusal: `answered ${status}${reason}`, again: status >= 500 || status === 429 };
  }
  const picked = pick(value, config);
  const problem = 'problem' in picked ? picked.problem : findProblem(picked);
  if (problem !== undefined) return { refusal: `answered ${status}${problem}`, again: false };
  const { token, expiresIn } = picked as TokenFields;
  const assumedS = config.type === 'oauth2' ? ASSUMED_LIFETIME_S : config.expiresInSeconds;
  return { accessToken: token as string, lifetimeMs: readLifetimeS(expiresIn, assumedS) * 1_000 };
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

/** Undefined where it is not JSON. */
function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function findProblem({ token, tokenType: type, place }: TokenFields): string | undefined {
  if (typeof token !== 'string' || token === '') return `, but ${place} is missing`;
  if (token.length > LONGEST_TOKEN) return `, but ${place} is longer than ${LONGEST_TOKEN} characters`;
  if (!isBearerToken(token)) return `, but ${place} holds characters that no header can carry`;
  if (type === undefined || type === null) return undefined;
  const isBearer = typeof type === 'string' && type.toLowerCase() === 'bearer';
  return isBearer ? undefined : ', but token_type is not Bearer';
}

function readLifetimeS(expiresIn: unknown, assumedS: number): number {
  const seconds = typeof expiresIn === 'string' && expiresIn.trim() !== '' ? Number(expiresIn) : expiresIn;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds <= 0) return assumedS;
  return Math.min(seconds, LONGEST_LIFETIME_S);
}

/** RFC 6749, section 5.2: a code, and perhaps a sentence for the developer of the client; others have a message. */
function readReason(fields: Record<string, unknown>, config: TokenAuthConfig): string {
  const { error, error_description: description } = fields;
  const texts = [error, description, config.type === 'oauth2' ? undefined : fields.message].filter(
    (text) => typeof text === 'string' && text !== '',
  );
  return texts.length === 0 ? '' : `: ${clean(texts.join(', '), config)}`;
}

function clean(text: string, config: TokenAuthConfig): string {
  const masked = maskSecret(text, config)
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  return masked.length <= LONGEST_REASON ? masked : `${masked.slice(0, LONGEST_REASON)}…`;
}
