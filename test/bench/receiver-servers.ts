import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createNetServer, type Server, type Socket } from 'node:net';

/**
 * What plays the client's endpoint:
 *
 * node  Node's own HTTP server: what an endpoint costs that does nothing but answer
 * bare  reads what HTTP/1.1 needs here (head, content-length, body) and no more: a third of that, which
 *       leaves the most to whoever sends
 */
export type ReceiverKind = 'node' | 'bare';

export const RECEIVER_KINDS: readonly ReceiverKind[] = ['node', 'bare'];

/** Told of each request: how many bytes its body has, and how to see all of it. */
export type OnRequest = (
  bodyBytes: number,
  look: () => { readonly head: string; readonly body: string },
) => void;

const ANSWER = '{"message":"Success"}';
const KEEP_ALIVE_MS = 60_000;
const HEAD_END = '\r\n\r\n';
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i;

/** Makes the server of a kind; it does not listen yet. */
export function createReceiver(kind: ReceiverKind, onRequest: OnRequest): Server {
  return kind === 'node' ? nodeReceiver(onRequest) : bareReceiver(onRequest);
}

function nodeReceiver(onRequest: OnRequest): Server {
  const answer = (request: IncomingMessage, chunks: readonly Buffer[], response: ServerResponse): void => {
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    response.setHeader('content-type', 'application/json');
    response.end(ANSWER);
    onRequest(bytes, () => ({ head: headOf(request), body: Buffer.concat(chunks).toString('utf8') }));
  };
  const server = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => answer(request, chunks, response));
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return server;
}

/** The head as it came over the wire. */
function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  return lines.join('\r\n');
}

function bareReceiver(onRequest: OnRequest): Server {
  let answer = makeAnswer();
  setInterval(() => {
    answer = makeAnswer();
  }, 1_000).unref();
  return createNetServer({ noDelay: true }, (socket) => {
    let rest: Buffer | undefined;
    socket.on('data', (chunk: Buffer) => {
      rest = answerAll(socket, rest === undefined ? chunk : Buffer.concat([rest, chunk]), answer, onRequest);
    });
    socket.on('error', () => {}); // a contender that stops closes its connections as it likes
  });
}

/** With the headers that Node's server would send. */
function makeAnswer(): Buffer {
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: ${new Date().toUTCString()}\r\n` +
      `connection: keep-alive\r\nkeep-alive: timeout=60\r\ncontent-length: ${ANSWER.length}\r\n\r\n${ANSWER}`,
  );
}

/** Answers every request that stands complete in `bytes`, and gives back the rest. */
function answerAll(socket: Socket, bytes: Buffer, answer: Buffer, onRequest: OnRequest): Buffer | undefined {
  let at = 0;
  while (at < bytes.length) {
    const headEnd = bytes.indexOf(HEAD_END, at, 'latin1');
    if (headEnd < 0) break;
    const head = bytes.toString('latin1', at, headEnd);
    const bodyStart = headEnd + HEAD_END.length;
    const bodyEnd = bodyStart + Number(CONTENT_LENGTH.exec(head)?.[1] ?? 0);
    if (bodyEnd > bytes.length) break;
    socket.write(answer);
    onRequest(bodyEnd - bodyStart, () => ({ head, body: bytes.toString('utf8', bodyStart, bodyEnd) }));
    at = bodyEnd;
  }
  return at < bytes.length ? bytes.subarray(at) : undefined;
}
