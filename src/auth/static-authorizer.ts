import type { AuthConfig, TokenAuthConfig } from '../config/client-config.ts';
import { isReservedHeader } from '../config/http-fields.ts';
import { isBearerToken, isHeaderName, isHeaderValue } from '../core/header-text.ts';
import { WaybillError } from '../core/waybill-error.ts';
import type { Authorizer } from './authorizer.ts';

/** Authentication that never changes while the process runs. */
export type StaticAuthConfig = Exclude<AuthConfig, TokenAuthConfig>;

const CONTROL = /\p{Cc}/u;

/**
 * Authorizes with what the configuration says; `authorize` always answers at once.
 *
 * @throws WaybillError `AUTH_CONFIG_INVALID` if no header can carry the credentials
 */
export function createStaticAuthorizer(auth: StaticAuthConfig): Authorizer {
  const authorization = Object.freeze({ headers: Object.freeze(toHeaders(auth)), version: 1 });
  return {
    renewable: false,
    authorize: () => authorization,
    renew: async () => undefined,
    reportRefused: () => {},
    reportAccepted: () => {},
  };
}

function toHeaders(auth: StaticAuthConfig): string[] {
  switch (auth.type) {
    case 'none':
    // What it sends depends on the request: see signer.ts.
    case 'aws_sigv4':
      return [];
    case 'bearer':
      demand(isBearerToken(auth.token), 'token', 'the bare token: visible ASCII without spaces');
      return ['Authorization', `Bearer ${auth.token}`];
    case 'basic':
      // RFC 7617, section 2: the first colon ends the user name.
      demand(!auth.username.includes(':'), 'username', 'a name without a colon');
      demand(!CONTROL.test(auth.username), 'username', 'free of control characters');
      demand(!CONTROL.test(auth.password), 'password', 'free of control characters');
      return ['Authorization', basicCredentials(auth.username, auth.password)];
    case 'api_key':
      demand(isHeaderName(auth.header), 'header', 'a header name (RFC 9110)');
      demand(!isReservedHeader(auth.header), 'header', 'a header that Waybill leaves free');
      demand(isHeaderValue(auth.key), 'key', 'visible ASCII without spaces around it');
      return [auth.header, auth.key];
  }
}

function demand(holds: boolean, field: string, expected: string): void {
  if (!holds) throw new WaybillError('AUTH_CONFIG_INVALID', `auth.${field} must be ${expected}`);
}

/** The value of a Basic `Authorization` header, in UTF-8 (RFC 7617). */
export function basicCredentials(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;
}
