import { randomUUID } from 'node:crypto';
import type { OAuth2Config } from '../config/client-config.ts';
import type { ReceivedRequest } from './request-log.ts';
import type { FullAnswer } from './send-answer.ts';

/** How a token request carries the credentials. */
export type CredentialStyle = OAuth2Config['style'];

/** What a company's token service hands out, and to whom. */
export interface TokenServiceOptions {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Granted to requests that name no scope. */
  readonly scope: string;
  /** How long tokens are good for, stated and kept, in seconds. */
  readonly expiresInSeconds: number;
  /** The ways of sending credentials that it takes. */
  readonly styles: readonly CredentialStyle[];
  /** A new token ends the one before it, as some services do. */
  readonly oneTokenAtATime: boolean;
  /** For `created_at`: milliseconds since the epoch. */
  readonly wallClock: () => number;
}

/** An OAuth 2 token service for client credentials. */
export interface TokenService {
  readonly options: TokenServiceOptions;
  /** Tokens handed out so far. */
  readonly issued: number;
  /** The contract's answer to a token request (part 2). */
  respond(request: ReceivedRequest): FullAnswer;
  /** Whether a token was issued here, is not revoked and has not expired. */
  accepts(token: string): boolean;
  /** Ends every token issued so far. */
  revokeAll(): void;
}

/** Makes a token service that has issued nothing yet. */
export function createTokenService(options: TokenServiceOptions): TokenService {
  const expiryByToken = new Map<string, number>();
  let issued = 0;

  const issue = (scope: string | undefined): FullAnswer => {
    const token = randomUUID();
    if (options.oneTokenAtATime) expiryByToken.clear();
    expiryByToken.set(token, performance.now() + options.expiresInSeconds * 1000);
    issued += 1;
    return json(200, {
      access_token: token,
      token_type: 'Bearer',
      expires_in: options.expiresInSeconds,
      scope: scope ?? options.scope,
      created_at: Math.floor(options.wallClock() / 1000),
    });
  };

  return {
    options,
    get issued() {
      return issued;
    },
    respond: (request) => {
      if (request.method !== 'POST') return refusal(405, 'invalid_request', 'use POST');
      const asked = readTokenRequest(request);
      if ('problem' in asked) return refusal(400, 'invalid_request', asked.problem);
      if (asked.grantType !== 'client_credentials') {
        return refusal(400, 'unsupported_grant_type', 'grant_type must be client_credentials');
      }
      if (!options.styles.includes(asked.style)) {
        return refusal(401, 'invalid_client', `credentials must be sent as ${options.styles.join(' or ')}`);
      }
      if (asked.clientId !== options.clientId || asked.clientSecret !== options.clientSecret) {
        return refusal(401, 'invalid_client', 'client authentication failed');
      }
      return issue(asked.scope);
    },
    accepts: (token) => {
      const expiry = expiryByToken.get(token);
      if (expiry === undefined) return false;
      if (expiry > performance.now()) return true;
      expiryByToken.delete(token);
      return false;
    },
    revokeAll: () => expiryByToken.clear(),
  };
}

function refusal(status: number, error: string, description: string): FullAnswer {
  return json(status, { error, error_description: description });
}

function json(status: number, body: unknown): FullAnswer {
  // RFC 6749, section 5.1: an answer with a token must not be cached.
  return { status, headers: { 'Cache-Control': 'no-store' }, body: JSON.stringify(body) };
}

/** The fields of a token request, whatever its style. */
interface TokenRequest {
  readonly style: CredentialStyle;
  readonly grantType: string | undefined;
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
  readonly scope: string | undefined;
}

/** Reads a token request in any of the three styles; `problem`: why the body could not be read. */
function readTokenRequest(request: ReceivedRequest): TokenRequest | { readonly problem: string } {
  const contentType = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  const fields = contentType === 'application/json' ? jsonFields(request.body) : formFields(request.body);
  if (fields === undefined) return { problem: 'the body is not a JSON object' };
  const asked = { grantType: fields('grant_type'), scope: fields('scope') };
  const { authorization } = request.headers;
  if (authorization?.startsWith('Basic ') === true) {
    return { style: 'basic', ...asked, ...basicCredentials(authorization.slice('Basic '.length)) };
  }
  const style = contentType === 'application/json' ? 'json' : 'form';
  return { style, ...asked, clientId: fields('client_id'), clientSecret: fields('client_secret') };
}

type Fields = (name: string) => string | undefined;

function jsonFields(body: string): Fields | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    const values = new Map<string, unknown>(Object.entries(parsed));
    return (name) => {
      const value = values.get(name);
      return typeof value === 'string' ? value : undefined;
    };
  } catch {
    return undefined;
  }
}

function formFields(body: string): Fields {
  const values = new URLSearchParams(body);
  return (name) => values.get(name) ?? undefined;
}

function basicCredentials(encoded: string): Pick<TokenRequest, 'clientId' | 'clientSecret'> {
  const pair = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  if (colon < 0) return { clientId: undefined, clientSecret: undefined };
  return { clientId: formDecode(pair.slice(0, colon)), clientSecret: formDecode(pair.slice(colon + 1)) };
}

/** RFC 6749, section 2.3.1: both parts are form-encoded before they are joined. */
function formDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
