import { type AddressInfo, createServer, type Socket } from 'node:net';
import { serve } from './child.ts';
import type { ReceiverCommands, Tally, Turn, Window } from './protocol.ts';
import { BODY_BYTES, explainWrong } from './workload.ts';

/*
 * The endpoint, in a process of its own. Node's HTTP server spends more on a request than undici does and would
 * be what is measured; so this one reads what HTTP/1.1 needs here (head, content-length, body) and no more, and
 * answers with the headers that Node's server would send. It counts every request and looks at the length of each;
 * one in so many it checks to the last byte.
 */

const CHECK_EVERY = 101;
const HEAD_END = '\r\n\r\n';
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i;
const MICROSECONDS = 1_000_000;

let received = 0;
let wrong = 0;
let firstWrong: string | undefined;
let turn: Turn = { leadIn: 0, total: 0 };
let onTotal: (window: Window) => void = () => {};
let counted: Promise<Window> | undefined;
let began = { at: 0, cpu: process.cpuUsage() };

let answer = makeAnswer();
setInterval(() => {
  answer = makeAnswer();
}, 1_000).unref();

function makeAnswer(): Buffer {
  const body = '{"message":"Success"}';
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: ${new Date().toUTCString()}\r\n` +
      `connection: keep-alive\r\nkeep-alive: timeout=60\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
}

function reportWrong(reason: string): void {
  wrong += 1;
  firstWrong ??= reason;
}

function count(bytes: Buffer, head: string, bodyStart: number, bodyEnd: number): void {
  received += 1;
  if (bodyEnd - bodyStart !== BODY_BYTES) reportWrong(`the body has ${bodyEnd - bodyStart} bytes`);
  else if (received % CHECK_EVERY === 1) {
    const reason = explainWrong(head, bytes.toString('utf8', bodyStart, bodyEnd));
    if (reason !== undefined) reportWrong(reason);
  }
  if (received === turn.leadIn) began = { at: performance.now(), cpu: process.cpuUsage() };
  if (received === turn.total) onTotal(closeWindow());
}

function closeWindow(): Window {
  const seconds = (performance.now() - began.at) / 1_000;
  const { user, system } = process.cpuUsage(began.cpu);
  return { events: turn.total - turn.leadIn, seconds, busy: (user + system) / MICROSECONDS / seconds };
}

/** Answers every request that stands complete in `bytes`, and gives back the rest. */
function answerAll(socket: Socket, bytes: Buffer): Buffer | undefined {
  let at = 0;
  while (at < bytes.length) {
    const headEnd = bytes.indexOf(HEAD_END, at, 'latin1');
    if (headEnd < 0) break;
    const head = bytes.toString('latin1', at, headEnd);
    const bodyStart = headEnd + HEAD_END.length;
    const bodyEnd = bodyStart + Number(CONTENT_LENGTH.exec(head)?.[1] ?? 0);
    if (bodyEnd > bytes.length) break;
    socket.write(answer);
    count(bytes, head, bodyStart, bodyEnd);
    at = bodyEnd;
  }
  return at < bytes.length ? bytes.subarray(at) : undefined;
}

const server = createServer({ noDelay: true }, (socket) => {
  let rest: Buffer | undefined;
  socket.on('data', (chunk: Buffer) => {
    rest = answerAll(socket, rest === undefined ? chunk : Buffer.concat([rest, chunk]));
  });
  socket.on('error', () => {}); // a contender that stops closes its connections as it likes
});

serve<ReceiverCommands>({
  listen: () =>
    new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    }),
  async count(next) {
    received = 0;
    wrong = 0;
    firstWrong = undefined;
    turn = next;
    counted = new Promise((resolve) => {
      onTotal = resolve;
    });
  },
  window: () => counted ?? Promise.reject(new Error('nothing is being counted')),
  tally: async (): Promise<Tally> => ({ received, wrong, firstWrong }),
});
