import { z } from 'zod';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Headers that Waybill or its HTTP client writes itself: a client's API key cannot stand in one of them. */
export const RESERVED_HEADERS: ReadonlySet<string> = new Set([
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
  'x-waybill-attempt',
]);

/** The name of a header (a token, RFC 9110, section 5.1) that is free for a client's use. */
export const headerName = z.string().superRefine((name, context) => {
  if (!TOKEN.test(name)) {
    context.addIssue('must be the name of an HTTP header, such as X-Api-Key');
  } else if (RESERVED_HEADERS.has(name.toLowerCase())) {
    context.addIssue(`must not be ${name}: Waybill or its HTTP client writes that header`);
  }
});

/** Text that a header can carry (RFC 9110, section 5.5), and that arrives as it was sent. */
export const headerValue = z.string().superRefine((value, context) => {
  if (value === '') context.addIssue('must not be empty');
  else if (/[\r\n]/.test(value)) context.addIssue('must not hold a line break');
  else if (!FIELD_VALUE.test(value)) {
    context.addIssue('must hold only characters that an HTTP header can carry');
  } else if (value !== value.trim()) {
    context.addIssue('must not begin or end with a blank: receivers cut it off');
  }
});

/** An absolute `http:` or `https:` URL without credentials or a fragment. */
export const httpUrl = z.string().superRefine((value, context) => {
  const reason = whyNotHttpUrl(value);
  if (reason !== undefined) context.addIssue(reason);
});

/** An `http:` or `https:` URL that paths can be appended to. */
export const httpBaseUrl = httpUrl.refine((value) => !value.includes('?'), {
  error: 'must not have a query: paths are appended to it',
  when: (payload) => payload.issues.length === 0,
});

/** Where one event type goes: a path below the base URL, or an absolute URL. */
export const endpointAddress = z.string().superRefine((value, context) => {
  const reason = isAbsolute(value) ? whyNotHttpUrl(value) : whyNotPath(value);
  if (reason !== undefined) context.addIssue(reason);
});

/** Whether an endpoint's address names its host itself. */
export function isAbsolute(address: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(address);
}

function whyNotHttpUrl(value: string): string | undefined {
  // The WHATWG parser forgives blanks, tabs, line breaks and missing slashes; a configuration should not.
  if (!/^https?:\/\/[^/\\\s]/i.test(value) || !URL.canParse(value)) return 'must be an http: or https: URL';
  if (/[\s\\]/.test(value)) return 'must not hold blanks, line breaks or backslashes';
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
