import { LINE_FEED, type Reading, UnreadBytes } from './unread-bytes.ts';

/** The text of one payload as it stands in the input, or the reason that there is none. */
export type Piece =
  | { readonly line: number; readonly bytes: Uint8Array }
  | { readonly line: number; readonly problem: string };

/** A payload of more bytes is refused before it is read to its end. An event has at most a quarter of them. */
const MAX_PIECE_BYTES = 1024 * 1024;

/** Why input that is not UTF-8 from its beginning is refused as a whole. */
export const WRONG_ENCODING = 'the input is UTF-16 or UTF-32: save it as UTF-8';
const TOO_LONG = 'is longer than 1 MiB';
const NOT_CLOSED = 'the input ends before the array is closed with "]"';
const NOTHING = 'is missing: a comma stands where an event should be';

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * The bytes that may stand between payloads: JSON's blanks (RFC 8259, section 2), the record separator (RFC 7464), and
 * the byte order marks of concatenated files. No payload begins with a byte of a mark, so their order is not checked.
 */
const SEPARATORS: ReadonlySet<number> = new Set(Buffer.from(' \t\r\n\u001e\ufeff'));

function isSeparator(byte: number): boolean {
  return SEPARATORS.has(byte);
}

/**
 * Whether input that begins with these bytes is UTF-16 or UTF-32: they are a byte order mark, or one of them is zero,
 * as in each character of ASCII. JSON in UTF-8 begins with neither. Not noticed: UTF-32 with its high bytes first.
 */
export function hasWrongEncoding([first, second]: Uint8Array): boolean {
  if (first === undefined || second === undefined) return false;
  const isMark = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  return isMark || (first === 0) !== (second === 0);
}

/**
 * Splits input into the texts of payloads, and adds them to `found`. The beginning tells the layout: one payload a
 * line, or JSON that spans lines in any way: an array, or an object that is open at the end of its first line.
 */
export function* splitPayloads(input: UnreadBytes, found: Piece[]): Reading {
  yield* input.at(1);
  if (hasWrongEncoding(input.bytes)) {
    found.push({ line: 1, problem: WRONG_ENCODING });
    return;
  }
  const first = yield* input.skip(isSeparator);
  const isOneALine = first !== OPEN_BRACKET && !(first === OPEN_BRACE && (yield* isOpenObject(input)));
  yield* isOneALine ? splitLines(input, found) : splitValues(input, found);
}

/** Whether an object goes on in its second line. If that begins another object, the first one is broken. */
function* isOpenObject(input: UnreadBytes): Reading<boolean> {
  const length = yield* input.lineLength(MAX_PIECE_BYTES);
  if (length === undefined) return false;
  const nesting = new Nesting();
  for (const byte of input.bytes.subarray(0, length)) nesting.endAt(byte, false);
  if (nesting.depth <= 0 || nesting.inText) return false;
  for (let index = length; index < MAX_PIECE_BYTES; index++) {
    const byte = yield* input.at(index);
    if (byte === undefined || !isSeparator(byte)) return byte !== undefined && byte !== OPEN_BRACE;
  }
  return false;
}

/** Splits NDJSON into one piece for each line. A line longer than a payload may be can hold several. */
function* splitLines(input: UnreadBytes, found: Piece[]): Reading {
  while ((yield* input.skip(isSeparator)) !== undefined) {
    const { line } = input;
    const length = yield* input.lineLength(MAX_PIECE_BYTES);
    if (length !== undefined) found.push({ line, bytes: input.take(length) });
    else {
      input.isLine = true;
      yield* splitValues(input, found);
      input.isLine = false;
    }
  }
}

/**
 * Splits a line that is not JSON into its objects. Undefined: it does not begin with a whole object, or holds
 * anything but objects.
 */
export function splitObjects(line: number, bytes: Uint8Array): Piece[] | undefined {
  if (bytes[0] !== OPEN_BRACE) return undefined;
  const found: Piece[] = [];
  const splitting = splitValues(new UnreadBytes(line), found);
  splitting.next();
  splitting.next(bytes);
  splitting.next();
  const areObjects = found.every((piece) => 'problem' in piece || piece.bytes[0] === OPEN_BRACE);
  return areObjects && found[0] !== undefined && 'bytes' in found[0] ? found : undefined;
}

/**
 * Splits JSON values: objects one after another, and the elements of arrays. It only finds their ends; the parser
 * finds out whether they are JSON. What begins neither an object nor an array ends with its line.
 */
function* splitValues(input: UnreadBytes, found: Piece[]): Reading {
  for (let canGoOn = true; canGoOn; ) {
    const first = yield* input.skip(isSeparator);
    if (first === undefined) return;
    if (first === OPEN_BRACKET) canGoOn = yield* splitArray(input, found);
    else if (first === OPEN_BRACE) canGoOn = yield* splitValue(input, found, false);
    else yield* splitStray(input, found);
  }
}

function* splitArray(input: UnreadBytes, found: Piece[]): Reading<boolean> {
  let last: '[' | ',' | 'element' = '[';
  input.take(1);
  for (;;) {
    const byte = yield* input.skip(isSeparator);
    const { line } = input;
    if (byte === undefined) {
      found.push({ line, problem: NOT_CLOSED });
      return false;
    }
    if (byte !== COMMA && byte !== CLOSE_BRACKET) {
      if (!(yield* splitValue(input, found, true))) return false;
      last = 'element';
      continue;
    }
    if (last === ',' || (last === '[' && byte === COMMA)) found.push({ line, problem: NOTHING });
    input.take(1);
    if (byte === CLOSE_BRACKET) return true;
    last = ',';
  }
}

function* splitStray(input: UnreadBytes, found: Piece[]): Reading {
  const { line } = input;
  for (let isTooLong = false; ; isTooLong = true) {
    const length = yield* input.lineLength(MAX_PIECE_BYTES);
    const bytes = input.take(length ?? MAX_PIECE_BYTES);
    if (length === undefined) continue;
    found.push(isTooLong ? { line, problem: TOO_LONG } : { line, bytes });
    return;
  }
}

/** Takes one value out of the input. @returns false: nothing can follow it */
function* splitValue(input: UnreadBytes, found: Piece[], isElement: boolean): Reading<boolean> {
  const { line } = input;
  const nesting = new Nesting();
  let end: End = 'open';
  let length = 0;
  let isTooLong = false;
  while (end === 'open') {
    const known = input.bytes[length];
    const isEdge = known === undefined || (known === LINE_FEED && input.isLine);
    const byte = isEdge ? yield* input.at(length) : known;
    end = nesting.endAt(byte, isElement);
    if (end === 'open' || end === 'behind') length += 1;
    if (length > MAX_PIECE_BYTES) {
      input.take(length);
      length = 0;
      isTooLong = true;
    }
  }
  const bytes = input.take(length);
  input.line += nesting.lineFeeds;
  const problem = isTooLong ? TOO_LONG : PROBLEMS[end];
  found.push(problem === undefined ? { line, bytes } : { line, problem });
  return end === 'broken' ? yield* skipToObject(input) : end !== 'cut';
}

/** Skips to the next line that begins with an object, perhaps after commas. @returns false: there is none */
function* skipToObject(input: UnreadBytes): Reading<boolean> {
  for (;;) {
    const byte = yield* input.skip((each) => each === COMMA || isSeparator(each));
    if (byte === undefined || byte === OPEN_BRACE) return byte !== undefined;
    yield* input.skip((each) => each !== LINE_FEED);
  }
}

/** How a value goes on at a byte: it ends before or behind it, is broken by it, or is open; `cut`: it has no end. */
type End = 'open' | 'before' | 'behind' | 'broken' | 'cut';

const PROBLEMS: Readonly<Partial<Record<End, string>>> = {
  cut: 'is not JSON: its end is missing',
  broken:
    'is not JSON: a text holds a line break or lacks its closing quote (reading goes on at the next line that begins with "{")',
};

/** Follows the brackets and texts of a value. */
class Nesting {
  depth = 0;
  inText = false;
  lineFeeds = 0;
  #isEscaped = false;

  get #isOpen(): boolean {
    return this.depth > 0 || this.inText;
  }

  /** Takes the next byte of a value, unless it ends before that. @param byte undefined: there is none */
  endAt(byte: number | undefined, isElement: boolean): End {
    if (byte === undefined) return this.#isOpen ? 'cut' : 'before';
    if (this.inText) return this.#takeText(byte);
    if (isElement && this.depth <= 0 && (byte === COMMA || byte === CLOSE_BRACKET)) return 'before';
    if (byte === QUOTE) this.inText = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.depth += 1;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.depth -= 1;
    else if (byte === LINE_FEED) this.lineFeeds += 1;
    return isElement || this.depth > 0 ? 'open' : 'behind';
  }

  #takeText(byte: number): End {
    // JSON has no line breaks in texts (RFC 8259, section 7).
    if (byte === LINE_FEED) return 'broken';
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === QUOTE) this.inText = false;
    else this.#isEscaped = byte === BACKSLASH;
    return 'open';
  }
}
