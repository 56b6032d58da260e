/** What a request carries so that the client knows the sender. */
export interface Authorization {
  /** Header names and values in turns, ready for the request; the same array for as long as it holds. */
  readonly headers: readonly string[];
  /** The token alone, if something else stands before it. */
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

/**
 * What follows a refused token: another one, the reason that there is none, or undefined if no token is asked for
 * just now. Then the refusal is about the event, and its answer stands.
 */
export type RenewResult = AuthorizeResult | undefined;

/** Authorizes the requests to one client, or to several that share their credentials. Nothing here throws. */
export interface Authorizer {
  /** Whether a new token can answer a 401. */
  readonly renewable: boolean;
  /** What the next request carries: at once if it is at hand or cannot be had, else a promise. */
  authorize(): AuthorizeResult | Promise<AuthorizeResult>;
  /**
   * Asks for another token, since the endpoint refused `refused`. Any number of callers cost one token request,
   * and none if a newer token is here already.
   */
  renew(refused: Authorization): Promise<RenewResult>;
  /** The endpoint refused also the token that `renew` gave: blocks renewals for 5 s, doubling to 60 s. */
  reportRefused(refused: Authorization): void;
  /** The endpoint answered a request with this authorization, and did not refuse the token: ends the doubling. */
  reportAccepted(accepted: Authorization): void;
}

/** Whether a request can be authorized. */
export function isAuthorized(result: AuthorizeResult): result is Authorization {
  return 'headers' in result;
}
