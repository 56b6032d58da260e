import type { AttemptResult, WholeAnswer } from '../core/attempt-result.ts';

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
export type TokenRequestParts = Pick<TokenPostRequest, 'url' | 'method' | 'headers' | 'body'>;

/** A token service's answer as text; or why there is none, to follow `answered 200`, and whether to ask again. */
export type TokenBody = { readonly text: string } | { readonly problem: string; readonly again: boolean };

const LIMIT = `${TOKEN_ANSWER_BYTES / 1_024} KiB`;
/** Leaves out a byte order mark, and reads what is not UTF-8 as U+FFFD. */
const decoder = new TextDecoder('utf-8');

/** Reads the body of a token service's answer: whole, and without a byte order mark. */
export function readTokenBody({ bytes, complete, contentEncoding, fault }: WholeAnswer): TokenBody {
  if (bytes.length > TOKEN_ANSWER_BYTES) return { problem: ` with more than ${LIMIT}`, again: false };
  if (!complete) return { problem: ', and the connection ended in the middle of the body', again: true };
  if (fault === 'unknown')
    return { problem: ' in a Content-Encoding that Waybill does not read', again: false };
  if (fault !== undefined) {
    return { problem: ` with a body that is not ${contentEncoding}, as it says`, again: false };
  }
  return { text: decoder.decode(bytes) };
}
