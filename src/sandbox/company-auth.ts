import type { IncomingHttpHeaders } from 'node:http';
import type { AuthConfig, TokenAuthConfig } from '../config/client-config.ts';
import type { AwsSigV4Config } from '../config/signing-config.ts';
import { TokenService, type TokenServiceOptions, tokenServiceSchema } from './company-token-service.ts';

/** OAuth 2 as a company offers it; all that is left out has a default. */
interface OAuth2Options extends Partial<Omit<TokenServiceOptions, 'wallClock'>> {
  readonly type: 'oauth2';
  /** Another company whose token service, and so whose tokens and credentials, this one uses. */
  readonly sharedWith?: {
    readonly name: string;
    readonly tokenUrl: string;
    readonly tokenService: TokenService | undefined;
  };
}

/** A signature of AWS is checked by AWS. */
type PlainAuth = Exclude<AuthConfig, TokenAuthConfig | AwsSigV4Config>;

/** How a company authenticates requests: as in a client's configuration, or OAuth 2 with a service of its own. */
export type CompanyAuth = PlainAuth | OAuth2Options;

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
  const [name, value] = headerOf(auth);
  return {
    tokenService: undefined,
    accepts: (headers) => headers[name] === value,
    configFor: () => auth,
  };
}

/** What a request has to carry; an empty name: nothing. */
function headerOf(auth: PlainAuth): [name: string, value?: string] {
  switch (auth.type) {
    case 'none':
      return [''];
    case 'bearer':
      return ['authorization', `Bearer ${auth.token}`];
    case 'basic': {
      const pair = Buffer.from(`${auth.username}:${auth.password}`);
      return ['authorization', `Basic ${pair.toString('base64')}`];
    }
    case 'api_key':
      return [auth.header.toLowerCase(), auth.key];
  }
}

const DEFAULTS = {
  ...tokenServiceSchema.parse({ type: 'oauth2' }),
  styles: ['json', 'form', 'basic'],
} as const;

function oauth2Authenticator(auth: OAuth2Options, wallClock: () => number): Authenticator {
  const { sharedWith, ...own } = auth;
  if (sharedWith !== undefined && sharedWith.tokenService === undefined) {
    throw new TypeError(`company "${sharedWith.name}" has no token service to share`);
  }
  const service = sharedWith?.tokenService ?? new TokenService({ ...DEFAULTS, ...own, wallClock });
  const { clientId, clientSecret, styles } = service.options;
  return {
    tokenService: service,
    accepts: ({ authorization = '' }) =>
      authorization.startsWith('Bearer ') && service.accepts(authorization.slice('Bearer '.length)),
    configFor: (ownTokenUrl) => ({
      type: 'oauth2',
      tokenUrl: sharedWith?.tokenUrl ?? ownTokenUrl,
      clientId,
      clientSecret,
      style: styles[0] ?? 'json',
    }),
  };
}
