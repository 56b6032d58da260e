import type { Answer } from '../core/attempt-result.ts';
import type { CallOffSignal } from '../core/call-off.ts';

/** What a request carries so that the client knows the sender. */
export interface Authorization {
  /** Header names and values in turns, ready for the request; the same array for as long as it holds. */
  readonly headers: readonly string[];
  /** The token alone, if something else stands before it. */
  readonly token?: string;
  /** Which token this is: grows with each one that this process obtains. */
  readonly version: number;
}

/**
 * Why there is no token. `credentials`: the settings are wrong, the credentials or their style most likely; `service`:
 * the token service fails, is busy or is silent; `proxy`: our proxy does not let us reach it; `local`: this machine is
 * short of something.
 */
export const BLAMES = ['credentials', 'service', 'proxy', 'local'] as const;

/** One of them. */
export type Blame = (typeof BLAMES)[number];

/** No token is to be had. */
export interface TokenMissing {
  /** A sentence for the operator, without secrets. */
  readonly failure: string;
  readonly blame: Blame;
  /** When asking again makes sense, in milliseconds: sooner, the answer is the same and no request is made. */
  readonly retryInMs: number;
  readonly calledOff?: false;
}

/** Waybill itself stopped asking, since it shuts down or the request is no longer wanted. */
export interface CalledOff {
  readonly failure: string;
  readonly calledOff: true;
}

/** There is nothing to authorize a request with: it is not sent. */
export type AuthorizationFailure = TokenMissing | CalledOff;

/** An authorization, or the reason that there is none; `isAuthorized` tells them apart. */
export type AuthorizeResult = Authorization | AuthorizationFailure;

/** The answer to a refused token. Undefined: renewals are blocked, and the endpoint's answer stands. */
export type RenewResult = AuthorizeResult | undefined;

/** Authorizes the requests to one client, or to several that share their credentials. Nothing here throws. */
export interface Authorizer {
  /** Whether a new token can answer a 401. */
  readonly renewable: boolean;
  /** What the next request carries: at once if it is at hand or cannot be had, else a promise. */
  authorize(signal?: CallOffSignal): AuthorizeResult | Promise<AuthorizeResult>;
  /** The endpoint refused this token for an event: gets a newer one, by one token request for all callers. */
  renew(refused: Authorization, eventId: string, signal?: CallOffSignal): Promise<RenewResult>;
  /** The endpoint refused the renewed token too: no 401 renews for 5 s, doubling to 60 s. */
  reportRefused(refused: Authorization, eventId: string): void;
  /** The endpoint answered with any status that does not refuse the token, a 5xx included: ends the doubling. */
  reportAccepted(accepted: Authorization): void;
}

/** Whether a request can be authorized. */
export function isAuthorized(result: AuthorizeResult): result is Authorization {
  return 'headers' in result;
}

/** Statuses that may come with `error="invalid_token"`: gateways answer so instead of 401. */
const MAY_CHALLENGE: ReadonlySet<number> = new Set([400, 403, 407]);

/** The error code of RFC 6750, section 3.1; some servers leave the quotes out, or blanks in. */
const INVALID_TOKEN = /(?:^|[\s,])error\s*=\s*(?:"invalid_token"|invalid_token(?=[\s,]|$))/i;

/** Whether an answer asks for a new token: by 401, a status of `auth.renewOn`, or an `invalid_token` challenge. */
export function refusesToken({ status, wwwAuthenticate }: Answer, renewOn: readonly number[]): boolean {
  if (status < 300) return false;
  if (status === 401 || renewOn.includes(status)) return true;
  return MAY_CHALLENGE.has(status) && wwwAuthenticate !== undefined && INVALID_TOKEN.test(wwwAuthenticate);
}
