import { randomUUID } from 'node:crypto';
import type { OAuth2Config } from '../config/client-config.ts';
import type { ReceivedRequest } from './received-request.ts';
import type { FullAnswer } from './send-answer.ts';
import { readTokenRequest } from './token-request.ts';

/** How a token request carries the credentials. */
export type CredentialStyle = OAuth2Config['style'];

/** What a token service hands out, and to whom. */
export interface TokenServiceOptions {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Granted where a request names no scope. */
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
  // RFC 6749, section 5.1: what carries a token must not be cached.
  return { status, headers: { 'Cache-Control': 'no-store' }, body: JSON.stringify(body) };
}
