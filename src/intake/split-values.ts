import { GrowingBytes } from './growing-bytes.ts';
import { BYTE, isSeparator, MAX_PIECE_BYTES, type Piece, type Splitter, TOO_LONG } from './splitter.ts';
import { type End, ValueEnd } from './value-end.ts';

const LINE_BREAK_IN_TEXT =
  'is not JSON: a text holds a line break or lacks its closing quote (reading goes on at the next line that begins with "{")';
const CUT_OFF = 'is not JSON: its end is missing';
const NOT_CLOSED = 'the input ends before the array is closed with "]"';
const NOTHING = 'is missing: a comma stands where an event should be';

/** Where in the input the splitter is. */
type Place =
  /** Between two payloads, or before the first. */
  | 'separator'
  /** In an object, or in an element of an array. */
  | 'value'
  /** In something at the top level that begins no object and no array, up to the end of its line. */
  | 'stray'
  /** After a payload whose end is unknown, up to the next line that begins with an object. */
  | 'resync';

/**
 * Splits JSON that may span lines in any way: an array of payloads, one object, or several one after another. It
 * only finds the ends of payloads; the parser finds out whether they are JSON.
 */
export class ValueSplitter implements Splitter {
  readonly #bytes = new BoundedBytes();
  readonly #valueEnd = new ValueEnd();
  #line: number;
  #place: Place = 'separator';
  #inArray = false;
  /** A comma was the last thing in the array: another element is due. */
  #elementDue = false;
  /** The line in which the current payload begins, and the place in the current chunk from which its bytes are kept. */
  #startLine = 0;
  #start = 0;
  /** The current line has had only blanks and commas so far. */
  #lineIsEmpty = true;

  /** @param line the number of the first line */
  constructor(line = 1) {
    this.#line = line;
  }

  push(chunk: Uint8Array, found: Piece[]): void {
    this.#start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      this.#take(byte, at, chunk, found);
      if (byte === BYTE.lineFeed) this.#line += 1;
    }
    if (this.#place === 'value' || this.#place === 'stray') this.#bytes.add(chunk.subarray(this.#start));
  }

  end(found: Piece[]): void {
    const isOpen = this.#place === 'value' && this.#valueEnd.isOpen;
    if (this.#place === 'resync') return;
    if (isOpen) this.#fail(CUT_OFF, found);
    else if (this.#place !== 'separator') this.#emit(found);
    if (this.#inArray && !isOpen) found.push({ line: this.#line, problem: NOT_CLOSED });
  }

  #take(byte: number, at: number, chunk: Uint8Array, found: Piece[]): void {
    switch (this.#place) {
      case 'separator':
        if (!isSeparator(byte)) this.#takeAfterSeparator(byte, at, found);
        return;
      case 'value': {
        const end = this.#valueEnd.take(byte);
        if (end === 'open') return;
        this.#bytes.add(chunk.subarray(this.#start, end === 'behind' ? at + 1 : at));
        this.#finish(end, byte, found);
        return;
      }
      case 'stray':
        if (byte !== BYTE.lineFeed) return;
        this.#bytes.add(chunk.subarray(this.#start, at));
        this.#emit(found);
        return;
      case 'resync':
        this.#takeResync(byte, at);
    }
  }

  #takeAfterSeparator(byte: number, at: number, found: Piece[]): void {
    if (this.#inArray && (byte === BYTE.comma || byte === BYTE.closeBracket)) {
      const isEnd = byte === BYTE.closeBracket;
      if (!isEnd || this.#elementDue) found.push({ line: this.#line, problem: NOTHING });
      this.#elementDue = !isEnd;
      this.#inArray = !isEnd;
    } else if (!this.#inArray && byte === BYTE.openBracket) {
      this.#inArray = true;
    } else {
      this.#begin(byte, at);
    }
  }

  #begin(byte: number, at: number): void {
    this.#start = at;
    this.#startLine = this.#line;
    this.#place = this.#inArray || byte === BYTE.openBrace ? 'value' : 'stray';
    this.#valueEnd.begin(this.#inArray);
    this.#valueEnd.take(byte);
  }

  #finish(end: Exclude<End, 'open'>, byte: number, found: Piece[]): void {
    if (end === 'broken') {
      this.#fail(LINE_BREAK_IN_TEXT, found);
      this.#place = 'resync';
      this.#lineIsEmpty = true;
      return;
    }
    this.#emit(found);
    if (end === 'behind') return;
    this.#elementDue = byte === BYTE.comma;
    this.#inArray = byte === BYTE.comma;
  }

  /** An event that spans lines begins a line, perhaps after commas. */
  #takeResync(byte: number, at: number): void {
    if (byte === BYTE.lineFeed) this.#lineIsEmpty = true;
    else if (byte === BYTE.openBrace && this.#lineIsEmpty) this.#begin(byte, at);
    else if (!isSeparator(byte) && byte !== BYTE.comma) this.#lineIsEmpty = false;
  }

  #emit(found: Piece[]): void {
    const bytes = this.#bytes.take();
    const line = this.#startLine;
    found.push(bytes === undefined ? { line, problem: TOO_LONG } : { line, bytes });
    this.#place = 'separator';
  }

  #fail(problem: string, found: Piece[]): void {
    const isTooLong = this.#bytes.take() === undefined;
    found.push({ line: this.#startLine, problem: isTooLong ? TOO_LONG : problem });
    this.#place = 'separator';
  }
}

/** Joins the chunks of one payload, up to the highest size that is allowed. */
class BoundedBytes {
  readonly #bytes = new GrowingBytes();
  #isOver = false;

  add(chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#isOver = this.#bytes.size + chunk.length > MAX_PIECE_BYTES;
    if (this.#isOver) this.#bytes.take();
    else this.#bytes.add(chunk);
  }

  /** Removes and returns the bytes; undefined: there were too many. */
  take(): Uint8Array | undefined {
    const isOver = this.#isOver;
    this.#isOver = false;
    const bytes = this.#bytes.take();
    return isOver ? undefined : bytes;
  }
}
