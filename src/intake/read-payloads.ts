import { type JsonSource, toSource } from '../core/odd-numbers.ts';
import { escapeControls } from '../core/quote-text.ts';
import { type Layout, LayoutDetector } from './detect-layout.ts';
import { GrowingBytes } from './growing-bytes.ts';
import { createLineSplitter } from './split-lines.ts';
import { ValueSplitter } from './split-values.ts';
import type { Piece, Splitter } from './splitter.ts';

/**
 * A payload of the input with the line that it begins in, and its JSON if it may hold odd numbers; or why there is
 * no payload.
 */
export type ReadPayload =
  | { readonly line: number; readonly payload: unknown; readonly source: JsonSource | undefined }
  | { readonly line: number; readonly problem: string };

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const;
const NOTHING = new Uint8Array(0);
const MAX_REASON_LENGTH = 160;

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
  const head = new GrowingBytes();
  const detector = new LayoutDetector();
  let markIsPast = false;
  let splitter: Splitter | undefined;

  function begin(layout: Layout, found: Piece[]): void {
    splitter = layout === 'lines' ? createLineSplitter() : new ValueSplitter();
    splitter.push(head.take(), found);
  }

  /** Leaves out a byte order mark at the beginning of the input. */
  function withoutMark(chunk: Uint8Array, isAll: boolean): Uint8Array {
    if (markIsPast) return chunk;
    head.add(chunk);
    // A mark that has come in part is not the beginning of anything yet.
    if (head.size < BYTE_ORDER_MARK.length && !isAll) return NOTHING;
    markIsPast = true;
    const start = head.take();
    return BYTE_ORDER_MARK.every((byte, at) => start[at] === byte)
      ? start.subarray(BYTE_ORDER_MARK.length)
      : start;
  }

  function takeHead(chunk: Uint8Array, isAll: boolean, found: Piece[]): void {
    const text = withoutMark(chunk, isAll);
    head.add(text);
    const layout = detector.take(text) ?? (isAll ? 'lines' : undefined);
    if (layout !== undefined) begin(layout, found);
  }

  return {
    push(chunk, found) {
      if (splitter === undefined) takeHead(chunk, false, found);
      else splitter.push(chunk, found);
    },
    end(found) {
      if (splitter === undefined) takeHead(NOTHING, true, found);
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
    return { line, payload: JSON.parse(text) as unknown, source: toSource(text) };
  } catch (error) {
    return { line, problem: `is not JSON: ${describeError(error as Error)}` };
  }
}

/** V8 repeats some of the input, whatever that holds. */
function describeError({ message }: Error): string {
  return escapeControls(message.slice(0, MAX_REASON_LENGTH));
}
