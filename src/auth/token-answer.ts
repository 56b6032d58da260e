import type { AttemptResult } from '../core/attempt-result.ts';
import type { OAuth2Config } from '../core/client-config.ts';
import { isBearerToken } from '../core/header-text.ts';
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
export function readTokenAnswer(result: AttemptResult, config: OAuth2Config): IssuedToken | TokenRefusal {
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

function readAnswer(status: number, body: string, config: OAuth2Config): IssuedToken | TokenRefusal {
  const fields = parseObject(body);
  if (status < 200 || status > 299 || typeof fields?.error === 'string') {
    const reason = fields === undefined ? '' : readReason(fields, config);
    return { refusal: `answered ${status}${reason}`, again: status >= 500 || status === 429 };
  }
  if (fields === undefined)
    return { refusal: `answered ${status} with a body that is no JSON object`, again: false };
  const problem = findProblem(fields);
  if (problem !== undefined) return { refusal: `answered ${status}, but ${problem}`, again: false };
  return {
    accessToken: fields.access_token as string,
    lifetimeMs: readLifetimeS(fields.expires_in) * 1_000,
  };
}

function parseObject(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function findProblem(fields: Record<string, unknown>): string | undefined {
  const { access_token: token, token_type: type } = fields;
  if (typeof token !== 'string' || token === '') return 'access_token is missing';
  if (token.length > LONGEST_TOKEN) return `access_token is longer than ${LONGEST_TOKEN} characters`;
  if (!isBearerToken(token)) return 'access_token holds characters that no header can carry';
  if (type === undefined || type === null) return undefined;
  return typeof type === 'string' && type.toLowerCase() === 'bearer' ? undefined : 'token_type is not Bearer';
}

function readLifetimeS(expiresIn: unknown): number {
  const seconds = typeof expiresIn === 'string' && expiresIn.trim() !== '' ? Number(expiresIn) : expiresIn;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds <= 0) return ASSUMED_LIFETIME_S;
  return Math.min(seconds, LONGEST_LIFETIME_S);
}

/** RFC 6749, section 5.2: a code, and perhaps a sentence for the developer of the client. */
function readReason(fields: Record<string, unknown>, config: OAuth2Config): string {
  const { error, error_description: description } = fields;
  const texts = [error, description].filter((text) => typeof text === 'string' && text !== '');
  return texts.length === 0 ? '' : `: ${clean(texts.join(', '), config)}`;
}

function clean(text: string, config: OAuth2Config): string {
  const masked = maskSecret(text, config)
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  return masked.length <= LONGEST_REASON ? masked : `${masked.slice(0, LONGEST_REASON)}…`;
}
