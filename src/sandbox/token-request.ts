import type { ReceivedRequest } from './received-request.ts';

/** A token request as its sender meant it. */
export interface TokenRequest {
  readonly style: 'json' | 'form' | 'basic';
  readonly grantType: string | undefined;
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
  readonly scope: string | undefined;
}

/** Reads a token request in any of its three styles; a problem says why the body could not be read. */
export function readTokenRequest(request: ReceivedRequest): TokenRequest | { readonly problem: string } {
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
