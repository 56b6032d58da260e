import { GrowingBytes } from './growing-bytes.ts';
import { LineSplitter } from './split-lines.ts';
import { ValueSplitter } from './split-values.ts';
import { BYTE, isSeparator, MAX_PIECE_BYTES, type Piece, type Splitter } from './splitter.ts';
import { ValueEnd } from './value-end.ts';

/** Why input that is not UTF-8 from its beginning is refused as a whole. */
export const WRONG_ENCODING = 'the input is UTF-16 or UTF-32: save it as UTF-8';

/** The bytes that `hasWrongEncoding` needs. */
const ENCODING_BYTES = 2;
/** A byte order mark has these two bytes, in the order of its encoding. */
const MARK_BYTES: readonly number[] = [0xfe, 0xff];
const NO_BYTES = new Uint8Array(0);

/**
 * Whether input that begins with these bytes is UTF-16 or UTF-32: they are a byte order mark, or one of them is zero,
 * as in each character of ASCII. JSON in UTF-8 begins with neither. Not noticed: UTF-32 with its high bytes first.
 */
export function hasWrongEncoding([first, second]: Uint8Array): boolean {
  if (first === undefined || second === undefined) return false;
  if (first !== second && MARK_BYTES.includes(first) && MARK_BYTES.includes(second)) return true;
  return (first === 0) !== (second === 0);
}

/** Splits input of any layout. It keeps the beginning until the encoding and the layout are known. */
export class PayloadSplitter implements Splitter {
  readonly #head = new GrowingBytes();
  readonly #detector = new LayoutDetector();
  #layout: Layout | undefined;
  /** Splits the input, once its encoding and its layout are known. */
  #splitter: Splitter | undefined;

  push(chunk: Uint8Array, found: Piece[]): void {
    if (this.#splitter === undefined) this.#takeHead(chunk, found, false);
    else this.#splitter.push(chunk, found);
  }

  end(found: Piece[]): void {
    if (this.#splitter === undefined) this.#takeHead(NO_BYTES, found, true);
    this.#splitter?.end(found);
  }

  #takeHead(chunk: Uint8Array, found: Piece[], isEnd: boolean): void {
    this.#head.add(chunk);
    this.#layout ??= this.#detector.take(chunk) ?? (isEnd ? 'lines' : undefined);
    if (this.#layout === undefined || (this.#head.size < ENCODING_BYTES && !isEnd)) return;
    const head = this.#head.take();
    if (hasWrongEncoding(head)) {
      found.push({ line: 1, problem: WRONG_ENCODING });
      this.#splitter = IGNORE_ALL;
    } else {
      this.#splitter = this.#layout === 'lines' ? new LineSplitter() : new ValueSplitter();
      this.#splitter.push(head, found);
    }
  }
}

const IGNORE_ALL: Splitter = { push() {}, end() {} };

/** How payloads are laid out: one a line, or JSON that may span lines in any way. */
type Layout = 'lines' | 'values';

/**
 * Tells the layout by the beginning of the input. An array is `values`. So is an object that is open at the end of
 * the first line, unless the next line begins another one: then the first is broken. Each byte is read once,
 * however small the chunks are.
 */
class LayoutDetector {
  #place: 'start' | 'first line' | 'next line' = 'start';
  #seen = 0;
  /** Follows the brackets and texts of the first line. */
  readonly #object = new ValueEnd();

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
        return this.#follow(byte);
      case 'next line':
        if (isSeparator(byte)) return undefined;
        return byte === BYTE.openBrace ? 'lines' : 'values';
    }
  }

  #begin(byte: number): Layout | undefined {
    if (byte === BYTE.openBracket) return 'values';
    if (byte !== BYTE.openBrace) return 'lines';
    this.#place = 'first line';
    this.#object.begin(false);
    this.#object.take(byte);
    return undefined;
  }

  #follow(byte: number): Layout | undefined {
    const closes = byte === BYTE.closeBrace || byte === BYTE.closeBracket;
    if (closes && !this.#object.isOpen) return 'lines';
    if (this.#object.take(byte) === 'broken') return 'lines';
    if (byte !== BYTE.lineFeed) return undefined;
    if (!this.#object.isOpen) return 'lines';
    this.#place = 'next line';
    return undefined;
  }
}
