const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VISIBLE = /^[\x21-\x7e]+$/;
const TRIMMED = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

/** Whether this is a legal header name (RFC 9110, section 5.1). */
export function isHeaderName(text: string): boolean {
  return TOKEN.test(text);
}

/** Whether this arrives as it was sent: visible ASCII and inner spaces (RFC 9110, section 5.5). */
export function isHeaderValue(text: string): boolean {
  return TRIMMED.test(text);
}

/**
 * Whether this can stand after `Bearer `: visible ASCII, no spaces. Wider than the b64token of RFC 6750,
 * which some token services do not keep to.
 */
export function isBearerToken(text: string): boolean {
  return VISIBLE.test(text);
}
