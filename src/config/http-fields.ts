import { z } from 'zod';
import { isBearerToken, isHeaderName, isHeaderValue } from '../core/header-text.ts';

/** Makes a refinement run also if other settings are wrong: all problems are told at once. */
export const ALWAYS = { when: () => true };

/**
 * Why a credential cannot be meant with this line break, as a sentence without its subject; undefined: it has none.
 * Shells, editors and `base64` end texts in one; a server then answers that the credential is wrong.
 */
export function whyLineBreak(text: string): string | undefined {
  if (!/[\r\n]/.test(text)) return undefined;
  const isInside = /[\r\n]/.test(text.trimEnd());
  return isInside ? 'must not hold a line break' : 'must not end in a line break';
}

/** A text. `why` says what is wrong with it, as a sentence without its subject; undefined: nothing. */
export function textFor(why: (text: string) => string | undefined) {
  return z.string().superRefine((text, context) => {
    const reason = why(text);
    if (reason !== undefined) context.addIssue(reason);
  });
}

/** A credential without a line break that matches `pattern`; `otherwise` says what the pattern demands. */
export function credential(pattern: RegExp, otherwise: string) {
  return textFor((value) => whyLineBreak(value) ?? (pattern.test(value) ? undefined : otherwise));
}

/** A credential of one line that may be any text. */
export const anyCredential = credential(/./s, 'must not be empty');

/** Headers that are Waybill's to write: a client's API key cannot stand in one of them. In lower case. */
const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  'accept',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'idempotency-key',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'webhook-id',
  'webhook-signature',
  'webhook-timestamp',
  'x-waybill-attempt',
  'x-waybill-check',
  'x-waybill-loadtest',
]);

/** Whether a header is Waybill's to write; names of AWS are, since it demands that all of them are signed. */
export function isReservedHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return RESERVED_HEADERS.has(lower) || lower.startsWith('x-amz-');
}

/** A header name (a token, RFC 9110, section 5.1) that is not Waybill's to write. */
function freeHeaderName(isReserved: (name: string) => boolean) {
  return textFor((name) => {
    if (!isHeaderName(name)) return 'must be the name of an HTTP header, such as X-Api-Key';
    return isReserved(name) ? `must not be ${name}: that header is Waybill's to write` : undefined;
  });
}

/** A request for a token carries no event and is not signed; some services of AWS take what to do from X-Amz-Target. */
const FREE_FOR_TOKENS = /^(?:accept|content-type|idempotency-key|user-agent|(?:webhook|x-amz)-.*)$/i;

/** The name of a header that is free for a client's use. */
export const headerName = freeHeaderName(isReservedHeader);
/** The name of a header that a client's requests may have beside Waybill's own. */
export const requestHeaderName = freeHeaderName(
  (name) => isReservedHeader(name) && name.toLowerCase() !== 'content-type',
);
/** The name of a header that a request for a token can carry: some of Waybill's own are as the service asks for them. */
export const tokenRequestHeaderName = freeHeaderName(
  (name) => isReservedHeader(name) && !FREE_FOR_TOKENS.test(name),
);

/** Text that a header can carry, and that arrives as it was sent: what the authorizer takes, no more and no less. */
export const headerValue = textFor(whyNotHeaderValue);

/** A token that can stand after `Bearer `. */
export const bearerToken = textFor((value) =>
  isBearerToken(value) ? undefined : (whyNotHeaderValue(value) ?? 'must not hold a blank'),
);

function whyNotHeaderValue(value: string): string | undefined {
  if (isHeaderValue(value)) return undefined;
  if (value === '') return 'must not be empty';
  const reason = whyLineBreak(value);
  if (reason !== undefined) return reason;
  if (value !== value.trim()) return 'must not begin or end with a blank: receivers cut it off';
  // Bytes above ASCII arrive as different text at different receivers, and tabs as blanks.
  return 'must hold only characters that an HTTP header can carry: letters, digits and signs of ASCII';
}

/** An absolute `http:` or `https:` URL without credentials or a fragment. */
export const httpUrl = textFor(whyNotHttpUrl);

/** An `http:` or `https:` URL that paths can be appended to. */
export const httpBaseUrl = httpUrl.refine((value) => !value.includes('?'), {
  error: 'must not have a query: paths are appended to it',
  when: (payload) => payload.issues.length === 0,
});

/** Where one event type goes: a path below the base URL, or an absolute URL. */
export const endpointAddress = textFor((value) =>
  isAbsolute(value) ? whyNotHttpUrl(value) : whyNotPath(value),
);

function isAbsolute(address: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(address);
}

function whyNotHttpUrl(value: string): string | undefined {
  const reason = whyLineBreak(value);
  if (reason !== undefined) return reason;
  // The WHATWG parser forgives blanks, tabs, line breaks and missing slashes; a configuration should not.
  if (!/^https?:\/\/[^/\\\s]/i.test(value) || !URL.canParse(value)) return 'must be an http: or https: URL';
  if (/[\s\\]/.test(value)) return 'must not hold blanks or backslashes';
  const url = new URL(value);
  if (url.username !== '' || url.password !== '') return 'must not hold credentials: they belong under auth';
  if (value.includes('#')) return 'must not have a fragment (#…): it is never sent';
  return undefined;
}

function whyNotPath(value: string): string | undefined {
  if (value === '') return 'must not be empty';
  if (value.startsWith('//')) return 'must be a path such as /dispositions, or an http: or https: URL';
  if (/[\s\\]/.test(value)) return 'must not hold blanks, line breaks or backslashes';
  if (value.includes('#')) return 'must not have a fragment (#…): it is never sent';
  return undefined;
}

/** What is wrong with a URL whose user and password are not encoded. */
export const NOT_ENCODED = 'must have each / ? # % and @ in its user and password percent-encoded';

/** Otherwise a part of the password is taken for the host, and stands in every error about it. */
export function isUserInfoEncoded({ username, password, pathname, search, hash }: URL): boolean {
  if (`${pathname}${search}${hash}`.includes('@')) return false;
  try {
    decodeURIComponent(username);
    decodeURIComponent(password);
    return true;
  } catch {
    return false;
  }
}

/**
 * The absolute URL of an endpoint. A path is appended to the base URL with the path that this may have
 * (`https://x/api` and `/dispositions` make `https://x/api/dispositions`); an absolute URL stands for itself.
 * Throws if the base URL or the address is not one that the configuration's schema accepts.
 */
export function resolveUrl(baseUrl: string, address: string): string {
  if (isAbsolute(address)) return new URL(address).href;
  return new URL(`${baseUrl.replace(/\/+$/, '')}/${address.replace(/^\//, '')}`).href;
}
