import type { Socket } from 'node:net';

type Write = (chunk: string | Uint8Array, encoding?: BufferEncoding, callback?: () => void) => boolean;

/**
 * Writes a request's head and body as one string. undici hands them over one after the other, the body as bytes,
 * and for Node to gather the two doubles what a write costs.
 */
export class JoinWrite {
  /** The body that is about to be written; none is, or the request has none. */
  #body: string | undefined;
  #head: string | undefined;

  /** Looks at all that is written to this socket from now on. */
  constructor(socket: Socket) {
    const write = socket.write.bind(socket) as Write;
    const join: Write = (chunk, encoding, callback) => {
      if (this.#body === undefined) return write(chunk, encoding, callback);
      if (this.#head === undefined && typeof chunk === 'string') {
        this.#head = chunk;
        return true;
      }
      return this.#writeBoth(chunk, write);
    };
    socket.write = join as Socket['write'];
  }

  /** What is written next is the head of a request, as Latin-1, and then this body, as UTF-8. */
  expectBody(body: string | null): void {
    this.#body = body === null || body === '' ? undefined : body;
    this.#head = undefined;
  }

  #writeBoth(bytes: string | Uint8Array, write: Write): boolean {
    const head = this.#head ?? '';
    const body = this.#body ?? '';
    this.#head = undefined;
    this.#body = undefined;
    // As many bytes as characters: all of them are ASCII, which Latin-1 has too.
    if (bytes.length === body.length) return write(head + body, 'latin1');
    write(head, 'latin1');
    return write(bytes);
  }
}
