import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
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

/** Some services pack their answer whatever the request says. */
const UNPACKERS: Readonly<Record<string, typeof gunzipSync>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};

const LIMIT = `${TOKEN_ANSWER_BYTES / 1_024} KiB`;
/** Leaves out a byte order mark, and reads what is not UTF-8 as U+FFFD. */
const decoder = new TextDecoder('utf-8');

/** Reads the body of a token service's answer: whole, unpacked and without a byte order mark. */
export function readTokenBody({ bytes, complete, contentEncoding }: WholeAnswer): TokenBody {
  if (bytes.length > TOKEN_ANSWER_BYTES) return { problem: ` with more than ${LIMIT}`, again: false };
  if (!complete) return { problem: ', and the connection ended in the middle of the body', again: true };
  const coding = contentEncoding?.toLowerCase() ?? '';
  if (coding === '' || coding === 'identity' || bytes.length === 0) return { text: decoder.decode(bytes) };
  const unpack = Object.hasOwn(UNPACKERS, coding) ? UNPACKERS[coding] : undefined;
  if (!unpack) return { problem: ' in a Content-Encoding that Waybill does not read', again: false };
  try {
    return { text: decoder.decode(unpack(bytes, { maxOutputLength: TOKEN_ANSWER_BYTES })) };
  } catch (error) {
    const isLong = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    const problem = isLong ? ` with more than ${LIMIT}` : ` with a body that is not ${coding}, as it says`;
    return { problem, again: false };
  }
}
