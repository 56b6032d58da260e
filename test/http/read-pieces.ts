import type { AnswerFault, AnswerHead } from '../../src/http/answer-head.ts';
import { AnswerReader } from '../../src/http/answer-reader.ts';

/** What the reader made of one answer. */
export interface PiecesRead {
  readonly head: AnswerHead | undefined;
  /** As Latin-1. */
  readonly body: string;
  /** `open`: more has to come; `at_close`: the end of the connection would be its end. */
  readonly end: 'over' | 'open' | 'at_close' | 'fault';
  readonly fault: string | undefined;
  /** What belongs to the answer; of a fault, the bytes before the piece that has it. */
  readonly bytesRead: number;
}

/** As all connections share it. */
const READ_BUFFER = Buffer.alloc(65_536);
/** What earlier reads may have left: an end of a head, and an end of chunks. */
const STALE = '\r\n\r\nHTTP/1.1 599 Stale\r\ncontent-length: 5\r\n\r\n0\r\n\r\n';

/** Has a reader read one answer, which comes in these pieces, out of a buffer that holds older bytes behind each. */
export function readPieces(pieces: readonly Buffer[], reader = new AnswerReader()): PiecesRead {
  let head: AnswerHead | undefined;
  let body = '';
  reader.begin({
    onHead: (known) => {
      head = known;
    },
    onBody: (bytes, from, to) => {
      body += bytes.toString('latin1', from, to);
    },
  });
  let bytesRead = 0;
  for (const piece of pieces) {
    if (reader.done) break;
    const read = readStale(reader, piece);
    if (typeof read !== 'number') return { head, body, end: 'fault', fault: read.fault, bytesRead };
    bytesRead += read;
  }
  const end = reader.done ? 'over' : reader.endOfInput() ? 'at_close' : 'open';
  return { head, body, end, fault: undefined, bytesRead };
}

function readStale(reader: AnswerReader, piece: Buffer): number | AnswerFault {
  READ_BUFFER.fill(STALE, piece.length, Math.min(READ_BUFFER.length, piece.length + 2 * STALE.length));
  piece.copy(READ_BUFFER);
  return reader.read(READ_BUFFER, piece.length);
}

/** Cuts at these places, wherever they lie within the bytes. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [...new Set(places)].filter((at) => at > 0 && at < bytes.length).sort((a, b) => a - b);
  return [0, ...cuts].map((from, n) => bytes.subarray(from, cuts[n] ?? bytes.length));
}

/** One byte a piece. */
export function singleBytes(bytes: Buffer): Buffer[] {
  return cutAt(
    bytes,
    Array.from(bytes, (_byte, at) => at),
  );
}
