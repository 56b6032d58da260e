/** What a request carries so that the client knows the sender. */
export interface Authorization {
  /** Header names and values in turns, ready for the request; the same array for as long as it holds. */
  readonly headers: readonly string[];
  /** What of it is a token, where something else stands before it. */
  readonly token?: string;
  /** Which token this is: grows with each one that this process takes up. */
  readonly version: number;
}

/** There is nothing to authorize a request with: it is not sent. */
export interface AuthorizationFailure {
  /** A sentence for the operator, without secrets. */
  readonly failure: string;
  /** Waybill itself stopped asking, since it shuts down: this is no failed attempt. */
  readonly calledOff?: true;
}

/** An authorization, or the reason that there is none; `isAuthorized` tells them apart. */
export type AuthorizeResult = Authorization | AuthorizationFailure;

/** Authorizes the requests to one client, or to several that share their credentials. Nothing here throws. */
export interface Authorizer {
  /** Whether a new token can answer a 401 (OAuth 2 only). */
  readonly renewable: boolean;
  /** What the next request carries: at once where it is at hand or cannot be had, else a promise. */
  authorize(): AuthorizeResult | Promise<AuthorizeResult>;
  /**
   * Asks for another token, since a request with `refused` was answered with 401. Any number of callers
   * cost one token request, and none where a newer token is here already.
   */
  renew(refused: Authorization): Promise<AuthorizeResult>;
  /** The token that `renew` gave was answered with 401 as well: blocks for 5 s, doubling to 60 s. */
  reportRefused(refused: Authorization): void;
  /** A request with this authorization was answered with anything but a 401: ends the doubling. */
  reportAccepted(accepted: Authorization): void;
}

/** Whether a request can be authorized. */
export function isAuthorized(result: AuthorizeResult): result is Authorization {
  return 'headers' in result;
}
