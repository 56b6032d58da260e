import type { IncomingMessage } from 'node:http';
import { atMost } from '../core/time.ts';
import { ProblemError } from './problems.ts';

/**
 * Reads a request's body no faster than it is asked for. A reader that stops early can still answer.
 *
 * @throws ProblemError `BODY_TOO_LARGE`, `REQUEST_TIMEOUT`; Node's error if the client is gone
 */
export async function* readBody(
  raw: IncomingMessage,
  maxBytes: number,
  timeoutMs: number,
): AsyncGenerator<Uint8Array> {
  const deadline = performance.now() + timeoutMs;
  let bytes = 0;
  const refuseOver = (length: number): void => {
    if (length <= maxBytes) return;
    throw new ProblemError('BODY_TOO_LARGE', `the body of a request must be at most ${maxBytes} bytes`);
  };
  refuseOver(Number(raw.headers['content-length'] ?? 0));
  const chunks = raw.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      const leftMs = deadline - performance.now();
      const next: Promise<IteratorResult<Uint8Array>> = chunks.next();
      const result = await atMost(Math.max(0, leftMs), next);
      if (result === undefined || leftMs <= 0) {
        throw new ProblemError('REQUEST_TIMEOUT', 'the body did not come in time');
      }
      if (result.done === true) return;
      bytes += result.value.length;
      refuseOver(bytes);
      yield result.value;
    }
  } finally {
    // Not awaited: it waits for the chunk that never came.
    void chunks.return?.();
  }
}

/** How many bytes of whole bodies may still be held in memory, over all requests. */
export interface BodyRoom {
  bytes: number;
}

/**
 * Reads a body as a whole, while there is room for it.
 *
 * @param use what is done with it; its room is given back afterwards
 * @throws ProblemError `SERVER_BUSY`, and as `chunks`
 */
export async function withWholeBody<Result>(
  chunks: AsyncIterable<Uint8Array>,
  room: BodyRoom,
  use: (body: Buffer) => Promise<Result>,
): Promise<Result> {
  const parts: Uint8Array[] = [];
  let taken = 0;
  try {
    for await (const chunk of chunks) {
      if (chunk.length > room.bytes) {
        throw new ProblemError('SERVER_BUSY', 'too many large bodies are under way already');
      }
      room.bytes -= chunk.length;
      taken += chunk.length;
      parts.push(chunk);
    }
    return await use(Buffer.concat(parts));
  } finally {
    room.bytes += taken;
  }
}
