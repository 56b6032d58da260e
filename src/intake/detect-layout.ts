import { BYTE, isBetween, MAX_PIECE_BYTES } from './splitter.ts';

/** How payloads are laid out: one a line, or JSON that goes over lines as it likes. */
export type Layout = 'lines' | 'values';

/**
 * Tells the layout by how the input begins. An array is `values`. So is an object that the first line leaves
 * open, unless the next line begins another one: then the first is broken. Every byte is looked at once,
 * however small the chunks are that they come in.
 */
export class LayoutDetector {
  #place: 'start' | 'first line' | 'next line' = 'start';
  #seen = 0;
  /** Brackets of the first line that are open, and whether it is inside of a text. */
  #depth = 0;
  #inText = false;
  #escaped = false;

  /** Takes the next bytes; undefined: more of the input is needed. Where it is over, the layout is `lines`. */
  take(chunk: Uint8Array): Layout | undefined {
    for (const byte of chunk) {
      const layout = this.#takeByte(byte);
      if (layout !== undefined) return layout;
    }
    this.#seen += chunk.length;
    return this.#seen > MAX_PIECE_BYTES ? 'lines' : undefined;
  }

  #takeByte(byte: number): Layout | undefined {
    switch (this.#place) {
      case 'start':
        return isBetween(byte) ? undefined : this.#begin(byte);
      case 'first line':
        if (byte !== BYTE.lineFeed) return this.#follow(byte);
        if (this.#depth <= 0 || this.#inText) return 'lines';
        this.#place = 'next line';
        return undefined;
      case 'next line':
        if (isBetween(byte)) return undefined;
        return byte === BYTE.openBrace ? 'lines' : 'values';
    }
  }

  #begin(byte: number): Layout | undefined {
    if (byte === BYTE.openBracket) return 'values';
    if (byte !== BYTE.openBrace) return 'lines';
    this.#place = 'first line';
    this.#depth = 1;
    return undefined;
  }

  #follow(byte: number): undefined {
    if (this.#escaped) this.#escaped = false;
    else if (byte === BYTE.quote) this.#inText = !this.#inText;
    else if (this.#inText) this.#escaped = byte === BYTE.backslash;
    else if (byte === BYTE.openBrace || byte === BYTE.openBracket) this.#depth += 1;
    else if (byte === BYTE.closeBrace || byte === BYTE.closeBracket) this.#depth -= 1;
  }
}

/** So many bytes tell whether the input is UTF-16. */
export const ENCODING_BYTES = 2;

const MARKS: readonly number[] = [0xfe, 0xff];

/**
 * Whether input that begins with these bytes is UTF-16: they are a byte order mark, or one of them is zero, as in each
 * character of ASCII. JSON in UTF-8 begins with neither.
 */
export function isUtf16([first, second]: Uint8Array): boolean {
  if (first === undefined || second === undefined) return false;
  if (first !== second && MARKS.includes(first) && MARKS.includes(second)) return true;
  return (first === 0) !== (second === 0);
}
