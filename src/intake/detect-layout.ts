import { BYTE, isSeparator, MAX_PIECE_BYTES } from './splitter.ts';

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

  /** Takes the next bytes; undefined: more of the input is needed. If there is no more, the layout is `lines`. */
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
        return isSeparator(byte) ? undefined : this.#begin(byte);
      case 'first line':
        if (byte !== BYTE.lineFeed) return this.#follow(byte);
        if (this.#depth <= 0 || this.#inText) return 'lines';
        this.#place = 'next line';
        return undefined;
      case 'next line':
        if (isSeparator(byte)) return undefined;
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
