import { type IncomingMessage, request } from 'node:http';
import { Duplex } from 'node:stream';

/** What became of the bytes of an answer, whoever read them. */
export interface Reading {
  /** Of the final answer; none: its head was refused, or did not end. */
  readonly status: number | undefined;
  /** As Latin-1; none: it was refused, or did not end. */
  readonly body: string | undefined;
  /** What was wrong, in the words or the code of who read them. */
  readonly fault: string | undefined;
}

/** A connection that brings these bytes as soon as there is a request, and ends. */
function connectionThatBrings(bytes: Buffer): Duplex {
  return new Duplex({
    read() {},
    write(_chunk, _encoding, written) {
      this.push(bytes);
      this.push(null);
      written();
    },
  });
}

/** Reads an answer to a POST as Node's own client does. */
export function readAsNode(bytes: Buffer): Promise<Reading> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let answer: IncomingMessage | undefined;
    let fault: string | undefined;
    const outgoing = request({ method: 'POST', createConnection: () => connectionThatBrings(bytes) });
    outgoing.on('response', (response) => {
      answer = response;
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => {});
    });
    // What comes behind an answer is an error too, which does not undo the answer.
    outgoing.on('error', ({ code }: NodeJS.ErrnoException) => {
      fault = code;
    });
    outgoing.on('close', () => {
      const body = answer?.complete ? Buffer.concat(chunks).toString('latin1') : undefined;
      resolve({ status: answer?.statusCode, body, fault });
    });
    outgoing.end();
  });
}
