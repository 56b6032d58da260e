import { BoundedBytes } from './bounded-bytes.ts';
import { BYTE, isBlank, MAX_PIECE_BYTES, type Piece, type Splitter, TOO_LONG } from './splitter.ts';

const LINE_BREAK_IN_TEXT =
  'is not JSON: a text holds a line break or lacks its closing quote (reading goes on at the next line that begins with "{")';
const CUT_OFF = 'is not JSON: the input ends before it does';
const NOT_CLOSED = 'the input ends before the array is closed with "]"';
const NOTHING = 'is missing: a comma stands where an event should be';

/** Where in the input the splitter is. */
type Place =
  /** Before a payload. */
  | 'between'
  /** In an object, or in an element of an array. */
  | 'value'
  /** In something at the top level that begins no object and no array, up to the end of its line. */
  | 'stray'
  /** Behind a payload with no recognisable end. */
  | 'lost';

/**
 * Splits JSON that is laid out over lines in any way: an array of payloads, one object, or several one after
 * another. It only looks for where payloads end; whether they are JSON shows when they are parsed.
 */
export class ValueSplitter implements Splitter {
  readonly #bytes = new BoundedBytes(MAX_PIECE_BYTES);
  #line: number;
  #place: Place = 'between';
  #inArray = false;
  /** A comma was the last thing in the array: another element is due. */
  #elementDue = false;
  #startLine = 0;
  #depth = 0;
  #inText = false;
  #escaped = false;
  /** Nothing but blanks and commas has come in this line. */
  #lineIsEmpty = true;

  /** @param line the number of the first line */
  constructor(line = 1) {
    this.#line = line;
  }

  push(chunk: Uint8Array, found: Piece[]): void {
    /** Where in the chunk the present payload begins. */
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      switch (this.#place) {
        case 'between':
          if (this.#begins(byte, found)) start = at;
          break;
        case 'value': {
          const end = this.#endsValue(byte);
          if (end === 'no') break;
          this.#bytes.add(chunk.subarray(start, end === 'behind' ? at + 1 : at));
          this.#finish(end, byte, found);
          break;
        }
        case 'stray':
          if (byte !== BYTE.lineFeed) break;
          this.#bytes.add(chunk.subarray(start, at));
          this.#emit(found);
          break;
        case 'lost':
          if (this.#isFoundAgain(byte)) start = at;
          break;
      }
      if (byte === BYTE.lineFeed) this.#line += 1;
    }
    if (this.#place === 'value' || this.#place === 'stray') this.#bytes.add(chunk.subarray(start));
  }

  end(found: Piece[]): void {
    if (this.#place === 'lost') return;
    const isOpen = this.#place === 'value' && (this.#depth > 0 || this.#inText);
    if (isOpen) this.#fail(CUT_OFF, found);
    else if (this.#place !== 'between') this.#emit(found);
    if (this.#inArray && !isOpen) found.push({ line: this.#line, problem: NOT_CLOSED });
  }

  /** Looks at a byte before a payload. @returns whether it is the payload's first */
  #begins(byte: number, found: Piece[]): boolean {
    if (isBlank(byte)) return false;
    if (this.#inArray) {
      if (byte === BYTE.comma || byte === BYTE.closeBracket) {
        this.#endElement(byte, found);
        return false;
      }
    } else if (byte === BYTE.openBracket) {
      this.#inArray = true;
      return false;
    }
    this.#startLine = this.#line;
    this.#depth = 0;
    this.#inText = false;
    this.#place = this.#inArray || byte === BYTE.openBrace ? 'value' : 'stray';
    if (this.#place === 'value') this.#endsValue(byte);
    return true;
  }

  /** A comma or the array's end where no element stands. */
  #endElement(byte: number, found: Piece[]): void {
    const isEnd = byte === BYTE.closeBracket;
    if (!isEnd || this.#elementDue) found.push({ line: this.#line, problem: NOTHING });
    this.#elementDue = !isEnd;
    this.#inArray = !isEnd;
  }

  /** Looks at a byte of a payload: whether the payload ends `before` it, `behind` it, or is `broken` by it. */
  #endsValue(byte: number): 'no' | 'before' | 'behind' | 'broken' {
    if (this.#inText) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === BYTE.backslash) this.#escaped = true;
      else if (byte === BYTE.quote) this.#inText = false;
      if (byte !== BYTE.lineFeed) return 'no';
      this.#escaped = false;
      return 'broken';
    }
    switch (byte) {
      case BYTE.quote:
        this.#inText = true;
        return 'no';
      case BYTE.openBrace:
      case BYTE.openBracket:
        this.#depth += 1;
        return 'no';
      case BYTE.closeBrace:
      case BYTE.closeBracket:
        if (this.#depth === 0) return byte === BYTE.closeBracket ? 'before' : 'no';
        this.#depth -= 1;
        return this.#depth === 0 && !this.#inArray ? 'behind' : 'no';
      case BYTE.comma:
        return this.#depth === 0 ? 'before' : 'no';
      default:
        return 'no';
    }
  }

  #finish(end: 'before' | 'behind' | 'broken', byte: number, found: Piece[]): void {
    if (end === 'broken') {
      this.#fail(LINE_BREAK_IN_TEXT, found);
      this.#place = 'lost';
      this.#lineIsEmpty = true;
      return;
    }
    this.#emit(found);
    if (end === 'behind') return;
    this.#elementDue = byte === BYTE.comma;
    this.#inArray = byte === BYTE.comma;
  }

  /** Where events are laid out over lines, each begins a line; commas may stand in front. */
  #isFoundAgain(byte: number): boolean {
    if (byte === BYTE.lineFeed) this.#lineIsEmpty = true;
    else if (byte === BYTE.openBrace && this.#lineIsEmpty) return this.#begins(byte, []);
    else if (!isBlank(byte) && byte !== BYTE.comma) this.#lineIsEmpty = false;
    return false;
  }

  #emit(found: Piece[]): void {
    const bytes = this.#bytes.take();
    const line = this.#startLine;
    found.push(bytes === undefined ? { line, problem: TOO_LONG } : { line, bytes });
    this.#place = 'between';
  }

  #fail(problem: string, found: Piece[]): void {
    this.#bytes.take();
    found.push({ line: this.#startLine, problem });
    this.#place = 'between';
  }
}
