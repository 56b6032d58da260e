import { type JsonSource, mayHoldOddNumber } from '../core/odd-numbers.ts';
import { escapeControls } from '../core/quote-text.ts';
import { type Piece, splitObjects, splitPayloads } from './split-payloads.ts';
import { UnreadBytes } from './unread-bytes.ts';

/**
 * A payload of the input with the line in which it begins, and its JSON if it may hold odd numbers; or the reason
 * that there is no payload.
 */
export type ReadPayload =
  | { readonly line: number; readonly payload: unknown; readonly source: JsonSource | undefined }
  | { readonly line: number; readonly problem: string };

const MAX_REASON_LENGTH = 160;

/**
 * Reads payloads from an array, from one JSON object or several, or from NDJSON; the bytes tell which. A payload
 * that is not JSON is an item of its own, and the next ones are read. Of input of any size only the payload that is
 * being read is kept, up to 1 MiB.
 *
 * @returns an array of payloads, perhaps empty, for each chunk
 */
export async function* readPayloads(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ReadPayload[]> {
  const found: Piece[] = [];
  const splitting = splitPayloads(new UnreadBytes(), found);
  splitting.next();
  for await (const chunk of chunks) {
    splitting.next(chunk);
    yield found.splice(0).flatMap(parsePiece);
  }
  splitting.next();
  yield found.flatMap(parsePiece);
}

/** A piece may be a line that holds several objects. */
function parsePiece(piece: Piece): ReadPayload | ReadPayload[] {
  const read = parse(piece);
  if ('payload' in read || 'problem' in piece) return read;
  return splitObjects(piece.line, piece.bytes)?.map(parse) ?? read;
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
    const payload = JSON.parse(text) as unknown;
    return { line, payload, source: mayHoldOddNumber(text) ? { text } : undefined };
  } catch (error) {
    return { line, problem: `is not JSON: ${describeError(error as Error)}` };
  }
}

/** V8's message quotes the input, which may hold control characters. */
function describeError({ message }: Error): string {
  return escapeControls(message.slice(0, MAX_REASON_LENGTH));
}
