import type { Answer } from './attempt-result.ts';

/** Statuses that may come with `error="invalid_token"`: gateways answer so instead of 401. */
const MAY_CHALLENGE: ReadonlySet<number> = new Set([400, 403, 407]);

/** The error code of RFC 6750, section 3.1; some servers leave the quotes out, or blanks in. */
const INVALID_TOKEN = /(?:^|[\s,])error\s*=\s*(?:"invalid_token"|invalid_token(?=[\s,]|$))/i;

/**
 * Whether an answer asks for a new token: 401 (contract, part 1), a status of `auth.renewOn`, or a 400, 403 or 407
 * whose `WWW-Authenticate` says `error="invalid_token"`.
 */
export function refusesToken({ status, wwwAuthenticate }: Answer, renewOn: readonly number[]): boolean {
  if (status < 300) return false;
  if (status === 401 || renewOn.includes(status)) return true;
  return MAY_CHALLENGE.has(status) && wwwAuthenticate !== undefined && INVALID_TOKEN.test(wwwAuthenticate);
}
