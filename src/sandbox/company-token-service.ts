import { randomUUID } from 'node:crypto';
import querystring from 'node:querystring';
import { z } from 'zod';
import type { OAuth2Config } from '../config/client-config.ts';
import { parseJson } from '../core/json-value.ts';
import type { ReceivedRequest } from './request-log.ts';
import type { FullAnswer } from './send-answer.ts';

/** How a token request carries the credentials. */
export type CredentialStyle = OAuth2Config['style'];

const text = z.string().min(1, 'must not be empty');

/** What a company's token service hands out, and to whom. */
export const tokenServiceSchema = z.strictObject({
  type: z.literal('oauth2'),
  clientId: text.default('waybill'),
  clientSecret: text.default('not-much-of-a-secret'),
  /** Granted to requests that name no scope. */
  scope: text.default('read write'),
  /** How long tokens are good for, stated and kept, in seconds. */
  expiresInSeconds: z.int().min(1).max(31_536_000).default(3_600),
  /** A new token ends the one before it, as some services do. */
  oneTokenAtATime: z.boolean().default(false),
});

/** What a token service is made with. */
export interface TokenServiceOptions extends z.infer<typeof tokenServiceSchema> {
  /** The ways of sending credentials that it takes. */
  readonly styles: readonly CredentialStyle[];
  /** For `created_at`: milliseconds since the epoch. */
  readonly wallClock: () => number;
}

/** An OAuth 2 token service for client credentials. */
export class TokenService {
  readonly options: TokenServiceOptions;
  /** Tokens handed out so far. */
  issued = 0;
  readonly #expiryByToken = new Map<string, number>();

  constructor(options: TokenServiceOptions) {
    this.options = options;
  }

  /** The contract's answer to a token request (part 2). */
  respond(request: ReceivedRequest): FullAnswer {
    const { styles, clientId, clientSecret } = this.options;
    if (request.method !== 'POST') return refusal(405, 'invalid_request', 'use POST');
    const asked = readTokenRequest(request);
    if (asked === undefined) return refusal(400, 'invalid_request', 'the body is not a JSON object');
    if (asked.grantType !== 'client_credentials') {
      return refusal(400, 'unsupported_grant_type', 'grant_type must be client_credentials');
    }
    if (!styles.includes(asked.style)) {
      return refusal(401, 'invalid_client', `credentials must be sent as ${styles.join(' or ')}`);
    }
    if (asked.clientId !== clientId || asked.clientSecret !== clientSecret) {
      return refusal(401, 'invalid_client', 'client authentication failed');
    }
    return this.#issue(asked.scope);
  }

  /** Whether a token was issued here, is not revoked and has not expired. */
  accepts(token: string): boolean {
    return (this.#expiryByToken.get(token) ?? 0) > performance.now();
  }

  /** Ends every token issued so far. */
  revokeAll(): void {
    this.#expiryByToken.clear();
  }

  #issue(scope: unknown): FullAnswer {
    const { oneTokenAtATime, expiresInSeconds, wallClock } = this.options;
    const token = randomUUID();
    if (oneTokenAtATime) this.revokeAll();
    this.#expiryByToken.set(token, performance.now() + expiresInSeconds * 1_000);
    this.issued += 1;
    return json(200, {
      access_token: token,
      token_type: 'Bearer',
      expires_in: expiresInSeconds,
      scope: typeof scope === 'string' ? scope : this.options.scope,
      created_at: Math.floor(wallClock() / 1_000),
    });
  }
}

function refusal(status: number, error: string, description: string): FullAnswer {
  return json(status, { error, error_description: description });
}

function json(status: number, body: unknown): FullAnswer {
  // RFC 6749, section 5.1: an answer with a token must not be cached.
  return { status, headers: { 'Cache-Control': 'no-store' }, body: JSON.stringify(body) };
}

/** Reads a token request in any of the three styles; undefined: the body is not what its type says. */
function readTokenRequest({ headers, body }: ReceivedRequest) {
  const isJson = headers['content-type']?.split(';')[0]?.trim().toLowerCase() === 'application/json';
  const fields: unknown = isJson ? parseJson(body) : Object.fromEntries(new URLSearchParams(body));
  if (typeof fields !== 'object' || fields === null) return undefined;
  const asked = fields as Readonly<Record<string, unknown>>;
  const common = { grantType: asked.grant_type, scope: asked.scope };
  const basic = /^Basic (.*)$/.exec(headers.authorization ?? '')?.[1];
  if (basic === undefined) {
    const style: CredentialStyle = isJson ? 'json' : 'form';
    return { ...common, style, clientId: asked.client_id, clientSecret: asked.client_secret };
  }
  const [, id = '', secret = ''] = /^(.*?):(.*)$/s.exec(Buffer.from(basic, 'base64').toString('utf8')) ?? [];
  const style: CredentialStyle = 'basic';
  return { ...common, style, clientId: formDecode(id), clientSecret: formDecode(secret) };
}

/** RFC 6749, section 2.3.1: both parts are form-encoded before they are joined. */
function formDecode(part: string): string {
  return querystring.unescape(part.replaceAll('+', ' '));
}
