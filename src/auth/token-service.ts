import { createHash } from 'node:crypto';
import type { AttemptResult } from '../core/attempt-result.ts';
import type { OAuth2Config } from '../core/client-config.ts';
import { basicCredentials } from './basic-credentials.ts';
import { createMask, type Mask } from './mask-secrets.ts';

/** One POST to a token service. */
export interface TokenPostRequest {
  readonly url: string;
  /** Header names and values in turns. */
  readonly headers: readonly string[];
  readonly body: string;
  /** The longest that the request may take, in milliseconds, connect to last byte. */
  readonly timeoutMs: number;
  /** Ends the request sooner: the time for all tries is over, or Waybill stops. */
  readonly signal: AbortSignal;
}

/**
 * Sends a token request. An answer's body is needed in full here, 2xx included, up to 64 KiB; redirects
 * are not followed.
 */
export type TokenPost = (request: TokenPostRequest) => Promise<AttemptResult>;

/**
 * Names the token that these credentials get, without giving them away. The secret is a part of it: after
 * a change of secret, or with a mistyped one, a token got with another is not used.
 */
export function tokenKey(config: OAuth2Config): string {
  const identity = [config.tokenUrl, config.clientId, config.scope ?? '', config.clientSecret];
  return `wb:token:${createHash('sha256').update(JSON.stringify(identity)).digest('hex')}`;
}

/** The token service's URL without what may be secret in it. */
export function tokenServiceUrl(config: OAuth2Config): string {
  const { origin, pathname } = new URL(config.tokenUrl);
  return `${origin}${pathname}`;
}

/** The token service as the subject of a sentence. */
export function tokenServiceName(config: OAuth2Config): string {
  return `token service ${tokenServiceUrl(config)}`;
}

/** Writes the request for a token in the style that the service takes (RFC 6749, sections 2.3.1 and 4.4). */
export function buildTokenRequest(config: OAuth2Config): Pick<TokenPostRequest, 'url' | 'headers' | 'body'> {
  const grant = { grant_type: 'client_credentials' };
  const credentials = { client_id: config.clientId, client_secret: config.clientSecret };
  const scope = config.scope === undefined ? {} : { scope: config.scope };
  const url = config.tokenUrl;
  switch (config.style) {
    case 'json':
      return {
        url,
        headers: ['content-type', 'application/json', 'accept', 'application/json'],
        body: JSON.stringify({ ...grant, ...credentials, ...scope }),
      };
    case 'form':
      return { url, headers: FORM_HEADERS, body: formEncode({ ...grant, ...credentials, ...scope }) };
    case 'basic': {
      const basic = basicCredentials(formEncodeText(config.clientId), formEncodeText(config.clientSecret));
      return {
        url,
        headers: [...FORM_HEADERS, 'authorization', basic],
        body: formEncode({ ...grant, ...scope }),
      };
    }
  }
}

const masks = new WeakMap<OAuth2Config, Mask>();

/** Takes the client's secret, in each form that a request carries it, out of a text from outside. */
export function maskSecret(text: string, config: OAuth2Config): string {
  const { clientId, clientSecret } = config;
  const basic = basicCredentials(formEncodeText(clientId), formEncodeText(clientSecret));
  const mask = masks.get(config) ?? createMask([basic.slice('Basic '.length), clientSecret]);
  masks.set(config, mask);
  return mask(text);
}

const FORM_HEADERS: readonly string[] = [
  'content-type',
  'application/x-www-form-urlencoded',
  'accept',
  'application/json',
];

function formEncode(fields: Record<string, string>): string {
  return new URLSearchParams(fields).toString();
}

/** RFC 6749, section 2.3.1: id and secret are form-encoded before they become user and password. */
function formEncodeText(text: string): string {
  return formEncode({ '': text }).slice(1);
}
