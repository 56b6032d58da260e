import type { AttemptResult } from '../core/attempt-result.ts';

/** Enough for every token service's answer, packed or unpacked. */
export const TOKEN_ANSWER_BYTES = 65_536;

/** One request to a token service. */
export interface TokenPostRequest {
  readonly url: string;
  /** Default: POST. */
  readonly method?: 'POST' | 'GET' | 'PUT';
  /** Header names and values in turns. */
  readonly headers: readonly string[];
  /** null: none */
  readonly body: string | null;
  /** The longest that the request may take, in milliseconds, connect to last byte. */
  readonly timeoutMs: number;
  /** How much of the answer's body is needed, whatever its status. */
  readonly keepBodyBytes: number;
  /** Ends the request sooner: the time for all tries is over, or Waybill stops. */
  readonly signal: AbortSignal;
}

/** Sends a token request, and keeps the whole answer; redirects are not followed. */
export type TokenPost = (request: TokenPostRequest) => Promise<AttemptResult>;

/** What a request for a token consists of, apart from its limits. */
export type TokenRequestParts = Omit<TokenPostRequest, 'timeoutMs' | 'keepBodyBytes' | 'signal'>;
