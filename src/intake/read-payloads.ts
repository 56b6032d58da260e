import { detectLayout } from './detect-layout.ts';
import { createLineSplitter } from './split-lines.ts';
import { ValueSplitter } from './split-values.ts';
import type { Piece, Splitter } from './splitter.ts';

/** A payload of the input with the line that it begins in; or why there is none. */
export type ReadPayload =
  | { readonly line: number; readonly payload: unknown; readonly bytes: number }
  | { readonly line: number; readonly problem: string };

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const;

/**
 * Reads payloads from the bytes of an array, of one JSON object or several, or of NDJSON; which of these it
 * is shows in the bytes. A payload that is not JSON is an item of its own and stops no other. Whatever the
 * size of the input, no more is kept of it than the payload that is being read, up to 1 MiB.
 *
 * @returns an array of payloads, perhaps empty, for each chunk
 */
export async function* readPayloads(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ReadPayload[]> {
  const splitter = createSplitter();
  for await (const chunk of chunks) yield parseAll((found) => splitter.push(chunk, found));
  yield parseAll((found) => splitter.end(found));
}

/** Holds the beginning of the input back until its layout is known, then splits it accordingly. */
export function createSplitter(): Splitter {
  let head: Uint8Array = Buffer.alloc(0);
  let splitter: Splitter | undefined;

  function decide(isAll: boolean, found: Piece[]): void {
    const mark = BYTE_ORDER_MARK.every((byte, at) => head[at] === byte) ? BYTE_ORDER_MARK.length : 0;
    const text = head.subarray(mark);
    const layout = detectLayout(text, isAll);
    if (layout === undefined) return;
    splitter = layout === 'lines' ? createLineSplitter() : new ValueSplitter();
    splitter.push(text, found);
    head = Buffer.alloc(0);
  }

  return {
    push(chunk, found) {
      if (splitter !== undefined) return splitter.push(chunk, found);
      head = Buffer.concat([head, chunk]);
      // A mark that has come in part is not the beginning of anything yet.
      if (head.length >= BYTE_ORDER_MARK.length) decide(false, found);
    },
    end(found) {
      if (splitter === undefined) decide(true, found);
      splitter?.end(found);
    },
  };
}

function parseAll(split: (found: Piece[]) => void): ReadPayload[] {
  const found: Piece[] = [];
  split(found);
  return found.map((piece) => ('problem' in piece ? piece : parse(piece.line, piece.bytes)));
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function parse(line: number, bytes: Uint8Array): ReadPayload {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return { line, problem: 'is not valid UTF-8' };
  }
  try {
    return { line, payload: JSON.parse(text), bytes: bytes.length };
  } catch (error) {
    return { line, problem: `is not JSON: ${(error as Error).message}` };
  }
}
