import { GrowingBytes } from './growing-bytes.ts';
import { ValueSplitter } from './split-values.ts';
import { BYTE, isSeparator, MAX_PIECE_BYTES, type Piece, type Splitter } from './splitter.ts';

/** Splits NDJSON into one piece for each line; blank lines are skipped. */
export class LineSplitter implements Splitter {
  readonly #bytes = new GrowingBytes();
  #line = 1;
  /** Splits a line that is longer than one payload may be, since it may hold several. */
  #longLine: ValueSplitter | undefined;

  push(chunk: Uint8Array, found: Piece[]): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(BYTE.lineFeed, start);
      if (end === -1) break;
      this.#add(chunk.subarray(start, end), found);
      this.#endLine(found);
      start = end + 1;
    }
    this.#add(chunk.subarray(start), found);
  }

  end(found: Piece[]): void {
    this.#endLine(found);
  }

  #endLine(found: Piece[]): void {
    const bytes = this.#bytes.take();
    const first = bytes.findIndex((byte) => !isSeparator(byte));
    if (first !== -1) found.push({ line: this.#line, bytes: bytes.subarray(first) });
    this.#longLine?.end(found);
    this.#longLine = undefined;
    this.#line += 1;
  }

  #add(part: Uint8Array, found: Piece[]): void {
    if (this.#longLine === undefined && this.#bytes.size + part.length > MAX_PIECE_BYTES) {
      this.#longLine = new ValueSplitter(this.#line);
      this.#longLine.push(this.#bytes.take(), found);
    }
    if (this.#longLine === undefined) this.#bytes.add(part);
    else this.#longLine.push(part, found);
  }
}

/**
 * Splits a line that is not JSON into its objects. Undefined: it does not begin with a whole object, or holds
 * anything but objects.
 */
export function splitObjects(line: number, bytes: Uint8Array): Piece[] | undefined {
  if (bytes[0] !== BYTE.openBrace) return undefined;
  const splitter = new ValueSplitter(line);
  const found: Piece[] = [];
  splitter.push(bytes, found);
  const isWhole = found.length > 0;
  splitter.end(found);
  const areObjects = found.every((piece) => 'problem' in piece || piece.bytes[0] === BYTE.openBrace);
  return isWhole && areObjects ? found : undefined;
}
