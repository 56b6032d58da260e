import type { IncomingHttpHeaders } from 'node:http';
import type { AuthConfig, TokenAuthConfig } from '../config/client-config.ts';
import type { CredentialStyle, TokenService, TokenServiceOptions } from './token-service.ts';
import { createTokenService } from './token-service.ts';

/** Another company, as far as its token service goes. */
export interface TokenSource {
  readonly name: string;
  readonly tokenUrl: string;
  readonly tokenService: TokenService | undefined;
}

/** OAuth 2 as a company offers it; everything that is left out has a default. */
export interface OAuth2Options extends Partial<Omit<TokenServiceOptions, 'wallClock'>> {
  readonly type: 'oauth2';
  /** Another company whose token service, and so whose tokens and credentials, this one uses. */
  readonly sharedWith?: TokenSource;
}

/** What a company wants to see in a request: as in a client's configuration, or OAuth 2 with a service of its own. */
export type CompanyAuth = Exclude<AuthConfig, TokenAuthConfig> | OAuth2Options;

/** Checks requests, and knows what a sender has to be configured with to pass. */
export interface Doorkeeper {
  readonly tokenService: TokenService | undefined;
  admits(headers: IncomingHttpHeaders): boolean;
  /** The sender's side of it, given where the company's own token service is. */
  configFor(ownTokenUrl: string): AuthConfig;
}

/** Makes the check that fits what a company asks for. */
export function createDoorkeeper(auth: CompanyAuth, wallClock: () => number): Doorkeeper {
  if (auth.type === 'oauth2') return oauth2Doorkeeper(auth, wallClock);
  const plain = { tokenService: undefined, configFor: () => auth };
  switch (auth.type) {
    case 'none':
      return { ...plain, admits: () => true };
    case 'bearer':
      return { ...plain, admits: ({ authorization }) => authorization === `Bearer ${auth.token}` };
    case 'basic': {
      const expected = `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
      return { ...plain, admits: ({ authorization }) => authorization === expected };
    }
    case 'api_key': {
      const header = auth.header.toLowerCase();
      return { ...plain, admits: (headers) => headers[header] === auth.key };
    }
  }
}

const ALL_STYLES: readonly CredentialStyle[] = ['json', 'form', 'basic'];
const BEARER = 'Bearer ';

function oauth2Doorkeeper(auth: OAuth2Options, wallClock: () => number): Doorkeeper {
  const { type: _type, sharedWith, ...own } = auth;
  if (sharedWith !== undefined && sharedWith.tokenService === undefined) {
    throw new TypeError(`company "${sharedWith.name}" has no token service to share`);
  }
  const service =
    sharedWith?.tokenService ??
    createTokenService({
      clientId: 'waybill',
      clientSecret: 'not-much-of-a-secret',
      scope: 'read write',
      expiresInSeconds: 3600,
      styles: ALL_STYLES,
      oneTokenAtATime: false,
      ...own,
      wallClock,
    });
  const { clientId, clientSecret, styles } = service.options;
  return {
    tokenService: service,
    admits: ({ authorization }) =>
      authorization?.startsWith(BEARER) === true && service.accepts(authorization.slice(BEARER.length)),
    configFor: (ownTokenUrl) => ({
      type: 'oauth2',
      tokenUrl: sharedWith?.tokenUrl ?? ownTokenUrl,
      clientId,
      clientSecret,
      style: styles[0] ?? 'json',
    }),
  };
}
