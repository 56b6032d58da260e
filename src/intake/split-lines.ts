import { BoundedBytes } from './bounded-bytes.ts';
import { BYTE, isBlank, MAX_PIECE_BYTES, type Piece, type Splitter, TOO_LONG } from './splitter.ts';

/** Splits NDJSON: a payload a line; blank lines are left out. @param line the number of the first line */
export function createLineSplitter(line = 1): Splitter {
  const bytes = new BoundedBytes(MAX_PIECE_BYTES);
  let number = line;

  function endLine(found: Piece[]): void {
    const text = bytes.take();
    if (text === undefined) found.push({ line: number, problem: TOO_LONG });
    else if (!text.every(isBlank)) found.push({ line: number, bytes: text });
    number += 1;
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
