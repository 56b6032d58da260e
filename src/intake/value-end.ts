import { BYTE } from './splitter.ts';

/** What a byte does to a payload: it stays `open`, ends `before` or `behind` the byte, or is `broken` by it. */
export type End = 'open' | 'before' | 'behind' | 'broken';

/** Follows the brackets and texts of one payload to find where it ends. */
export class ValueEnd {
  #isElement = false;
  #depth = 0;
  #inText = false;
  #escaped = false;

  /** @param isElement whether the payload is an element of an array, and so ends at a comma or the array's end */
  begin(isElement: boolean): void {
    this.#isElement = isElement;
    this.#depth = 0;
    this.#inText = false;
    this.#escaped = false;
  }

  /** Whether a bracket or a text is open: the payload cannot end here. */
  get isOpen(): boolean {
    return this.#depth > 0 || this.#inText;
  }

  /** Takes the next byte. */
  take(byte: number): End {
    if (this.#inText) return this.#takeText(byte);
    switch (byte) {
      case BYTE.quote:
        this.#inText = true;
        return 'open';
      case BYTE.openBrace:
      case BYTE.openBracket:
        this.#depth += 1;
        return 'open';
      case BYTE.closeBrace:
      case BYTE.closeBracket:
        return this.#close(byte);
      case BYTE.comma:
        return this.#depth === 0 ? 'before' : 'open';
      default:
        return 'open';
    }
  }

  #takeText(byte: number): End {
    // JSON has no line breaks in texts (RFC 8259, section 7).
    if (byte === BYTE.lineFeed) return 'broken';
    if (this.#escaped) this.#escaped = false;
    else if (byte === BYTE.backslash) this.#escaped = true;
    else if (byte === BYTE.quote) this.#inText = false;
    return 'open';
  }

  #close(byte: number): End {
    if (this.#depth === 0) return byte === BYTE.closeBracket ? 'before' : 'open';
    this.#depth -= 1;
    return this.#depth === 0 && !this.#isElement ? 'behind' : 'open';
  }
}
