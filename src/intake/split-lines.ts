import { BoundedBytes } from './bounded-bytes.ts';
import { BYTE, isBlank, MAX_PIECE_BYTES, type Piece, type Splitter, TOO_LONG } from './splitter.ts';

/** Splits NDJSON: a payload a line; blank lines are left out. */
export function createLineSplitter(): Splitter {
  const bytes = new BoundedBytes(MAX_PIECE_BYTES);
  let line = 1;

  function endLine(found: Piece[]): void {
    const text = bytes.take();
    if (text === undefined) found.push({ line, problem: TOO_LONG });
    else if (!text.every(isBlank)) found.push({ line, bytes: text });
    line += 1;
  }

  return {
    push(chunk, found) {
      let start = 0;
      for (;;) {
        const end = chunk.indexOf(BYTE.lineFeed, start);
        if (end === -1) break;
        bytes.add(chunk.subarray(start, end));
        endLine(found);
        start = end + 1;
      }
      bytes.add(chunk.subarray(start));
    },
    end: endLine,
  };
}
