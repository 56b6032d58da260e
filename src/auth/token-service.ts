import { createHash } from 'node:crypto';
import type { OAuth2Config, TokenAuthConfig } from '../config/client-config.ts';
import { buildCustomRequest, customSecrets } from './custom-token-service.ts';
import { createMask, type Mask } from './mask-secrets.ts';
import { basicCredentials } from './static-authorizer.ts';
import type { TokenRequestParts } from './token-post.ts';

/**
 * Names the token that these credentials get, without giving them away. The secret is a part of it: after
 * a change of secret, or with a mistyped one, a token got with another is not used.
 */
export function tokenKey(config: TokenAuthConfig): string {
  const identity = identityOf(config);
  return `wb:token:${createHash('sha256').update(JSON.stringify(identity)).digest('hex')}`;
}

/** All that tells which token is meant; for OAuth 2 four texts, else a list that no OAuth 2 service has. */
function identityOf(config: TokenAuthConfig): readonly unknown[] {
  if (config.type === 'oauth2') {
    return [config.tokenUrl, config.clientId, config.scope ?? '', config.clientSecret];
  }
  const { type, url, method, headers, body, tokenPointer } = config;
  return [type, url, method, headers, body ?? null, tokenPointer];
}

/** The header that carries the token to the client's endpoints, and what stands before it there. */
export function carrierOf(config: TokenAuthConfig): { readonly header: string; readonly prefix: string } {
  if (config.type === 'oauth2') return { header: 'Authorization', prefix: 'Bearer ' };
  return { header: config.header, prefix: config.prefix };
}

/** The token service's URL without what may be secret in it. */
export function tokenServiceUrl(config: TokenAuthConfig): string {
  const { origin, pathname } = new URL(config.type === 'oauth2' ? config.tokenUrl : config.url);
  return `${origin}${pathname}`;
}

/** The token service as the subject of a sentence. */
export function tokenServiceName(config: TokenAuthConfig): string {
  return `token service ${tokenServiceUrl(config)}`;
}

/** Writes the request for a token as the service takes it; the answer is wanted unpacked. */
export function buildTokenRequest(config: TokenAuthConfig): TokenRequestParts {
  const parts = config.type === 'oauth2' ? buildOAuth2Request(config) : buildCustomRequest(config);
  const isGiven = parts.headers.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'accept-encoding');
  return isGiven ? parts : { ...parts, headers: [...parts.headers, 'accept-encoding', 'identity'] };
}

/** In the style that the service takes (RFC 6749, sections 2.3.1 and 4.4). */
function buildOAuth2Request(config: OAuth2Config): TokenRequestParts {
  const grant = { grant_type: 'client_credentials' };
  const credentials = { client_id: config.clientId, client_secret: config.clientSecret };
  const scope = config.scope === undefined ? {} : { scope: config.scope };
  const url = config.tokenUrl;
  switch (config.style) {
    case 'json':
      return {
        url,
        headers: ['Content-Type', 'application/json', 'Accept', 'application/json'],
        body: JSON.stringify({ ...grant, ...credentials, ...scope }),
      };
    case 'form':
      return { url, headers: FORM_HEADERS, body: formEncode({ ...grant, ...credentials, ...scope }) };
    case 'basic': {
      const basic = basicCredentials(formEncodeText(config.clientId), formEncodeText(config.clientSecret));
      return {
        url,
        headers: [...FORM_HEADERS, 'Authorization', basic],
        body: formEncode({ ...grant, ...scope }),
      };
    }
  }
}

const masks = new WeakMap<TokenAuthConfig, Mask>();

/** Takes the client's secrets, in each form that a request carries it, out of a text from outside. */
export function maskSecret(text: string, config: TokenAuthConfig): string {
  const mask = masks.get(config) ?? createMask(secretsOf(config));
  masks.set(config, mask);
  return mask(text);
}

function secretsOf(config: TokenAuthConfig): readonly string[] {
  if (config.type !== 'oauth2') return customSecrets(config);
  const { clientId, clientSecret } = config;
  const basic = basicCredentials(formEncodeText(clientId), formEncodeText(clientSecret));
  return [basic.slice('Basic '.length), clientSecret];
}

const FORM_HEADERS: readonly string[] = [
  'Content-Type',
  'application/x-www-form-urlencoded',
  'Accept',
  'application/json',
];

function formEncode(fields: Record<string, string>): string {
  return new URLSearchParams(fields).toString();
}

/** RFC 6749, section 2.3.1: id and secret are form-encoded before they become user and password. */
function formEncodeText(text: string): string {
  return formEncode({ '': text }).slice(1);
}
