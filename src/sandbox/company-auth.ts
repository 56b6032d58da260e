import type { IncomingHttpHeaders } from 'node:http';
import type { AuthConfig, TokenAuthConfig } from '../config/client-config.ts';
import {
  type CredentialStyle,
  createTokenService,
  type TokenService,
  type TokenServiceOptions,
} from './company-token-service.ts';

/** The part of another company that shares its token service. */
interface TokenSource {
  readonly name: string;
  readonly tokenUrl: string;
  readonly tokenService: TokenService | undefined;
}

/** OAuth 2 as a company offers it; all that is left out has a default. */
export interface OAuth2Options extends Partial<Omit<TokenServiceOptions, 'wallClock'>> {
  readonly type: 'oauth2';
  /** Another company whose token service, and so whose tokens and credentials, this one uses. */
  readonly sharedWith?: TokenSource;
}

/** How a company authenticates requests: as in a client's configuration, or OAuth 2 with a service of its own. */
export type CompanyAuth = Exclude<AuthConfig, TokenAuthConfig> | OAuth2Options;

/** Authenticates requests, and knows the configuration of a sender that passes. */
export interface Authenticator {
  readonly tokenService: TokenService | undefined;
  accepts(headers: IncomingHttpHeaders): boolean;
  /** The sender's `auth` setting; `ownTokenUrl` is that of the company's own token service. */
  configFor(ownTokenUrl: string): AuthConfig;
}

/** Makes what authenticates requests in the company's way. */
export function createAuthenticator(auth: CompanyAuth, wallClock: () => number): Authenticator {
  if (auth.type === 'oauth2') return oauth2Authenticator(auth, wallClock);
  const plain = { tokenService: undefined, configFor: () => auth };
  switch (auth.type) {
    case 'none':
      return { ...plain, accepts: () => true };
    case 'bearer':
      return { ...plain, accepts: ({ authorization }) => authorization === `Bearer ${auth.token}` };
    case 'basic': {
      const expected = `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
      return { ...plain, accepts: ({ authorization }) => authorization === expected };
    }
    case 'api_key': {
      const header = auth.header.toLowerCase();
      return { ...plain, accepts: (headers) => headers[header] === auth.key };
    }
  }
}

const ALL_STYLES: readonly CredentialStyle[] = ['json', 'form', 'basic'];
const BEARER = 'Bearer ';

function oauth2Authenticator(auth: OAuth2Options, wallClock: () => number): Authenticator {
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
    accepts: ({ authorization }) =>
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
