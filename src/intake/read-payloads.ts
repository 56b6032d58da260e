import { type JsonSource, toSource } from '../core/odd-numbers.ts';
import { escapeControls } from '../core/quote-text.ts';
import { ENCODING_BYTES, isUtf16, LayoutDetector } from './detect-layout.ts';
import { GrowingBytes } from './growing-bytes.ts';
import { LineSplitter, splitObjects } from './split-lines.ts';
import { ValueSplitter } from './split-values.ts';
import type { Piece, Splitter } from './splitter.ts';

/**
 * A payload of the input with the line that it begins in, and its JSON if it may hold odd numbers; or why there is
 * no payload.
 */
export type ReadPayload =
  | { readonly line: number; readonly payload: unknown; readonly source: JsonSource | undefined }
  | { readonly line: number; readonly problem: string };

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

const UTF_16 = 'the input is UTF-16: save it as UTF-8';
const IGNORES_ALL: Splitter = { push() {}, end() {} };

/** Holds the beginning of the input back until its layout is known, then splits it accordingly. */
export function createSplitter(): Splitter {
  const head = new GrowingBytes();
  const detector = new LayoutDetector();
  let isUtf8 = false;
  let splitter: Splitter | undefined;

  /** Returns the bytes that the layout is yet to be told by; undefined: there are none. */
  function checkEncoding(chunk: Uint8Array, isAll: boolean, found: Piece[]): Uint8Array | undefined {
    head.add(chunk);
    if (isUtf8) return chunk;
    if (head.size < ENCODING_BYTES && !isAll) return undefined;
    const start = head.take();
    head.add(start);
    isUtf8 = !isUtf16(start);
    if (isUtf8) return start;
    found.push({ line: 1, problem: UTF_16 });
    splitter = IGNORES_ALL;
    return undefined;
  }

  function takeHead(chunk: Uint8Array, isAll: boolean, found: Piece[]): void {
    const bytes = checkEncoding(chunk, isAll, found);
    if (bytes === undefined) return;
    const layout = detector.take(bytes) ?? (isAll ? 'lines' : undefined);
    if (layout === undefined) return;
    splitter = layout === 'lines' ? new LineSplitter() : new ValueSplitter();
    splitter.push(head.take(), found);
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
  return found.flatMap((piece) => {
    const read = parse(piece);
    if ('payload' in read || 'problem' in piece) return read;
    return splitObjects(piece.line, piece.bytes)?.map(parse) ?? read;
  });
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function parse(piece: Piece): ReadPayload {
  if ('problem' in piece) return piece;
  const { line } = piece;
  let text: string;
  try {
    text = decoder.decode(piece.bytes);
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
