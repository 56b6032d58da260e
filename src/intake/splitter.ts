/** The text of one payload as it stands in the input, or the reason that there is none. */
export type Piece =
  | { readonly line: number; readonly bytes: Uint8Array }
  | { readonly line: number; readonly problem: string };

/** Splits input in chunks of any size into the texts of payloads. */
export interface Splitter {
  /** Takes the next bytes, and adds the pieces that they complete to `found`. */
  push(chunk: Uint8Array, found: Piece[]): void;
  /** The input is over. */
  end(found: Piece[]): void;
}

/** A payload of more bytes is refused before it is read to its end. An event has at most a quarter of them. */
export const MAX_PIECE_BYTES = 1024 * 1024;

/** Why a longer piece is refused. */
export const TOO_LONG = 'is longer than 1 MiB';

/** The bytes that JSON is split by. */
export const BYTE = {
  tab: 0x09,
  lineFeed: 0x0a,
  carriageReturn: 0x0d,
  space: 0x20,
  quote: 0x22,
  comma: 0x2c,
  openBracket: 0x5b,
  backslash: 0x5c,
  closeBracket: 0x5d,
  openBrace: 0x7b,
  closeBrace: 0x7d,
} as const;

/** JSON's blanks (RFC 8259, section 2), the record separator (RFC 7464) and the bytes of a byte order mark. */
const SEPARATORS: ReadonlySet<number> = new Set([
  BYTE.tab,
  BYTE.lineFeed,
  BYTE.carriageReturn,
  BYTE.space,
  0x1e,
  0xef,
  0xbb,
  0xbf,
]);

/**
 * Whether a byte may stand between payloads. Concatenated files have byte order marks between them. No payload begins
 * with a byte of a mark, so the order of these bytes is not checked.
 */
export function isSeparator(byte: number): boolean {
  return SEPARATORS.has(byte);
}
