import type { ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { BadAnswer, Behaviour, PlainAnswer } from './answer.ts';
import { visibleStatus } from './answer.ts';
import type { Connection } from './listener.ts';

/** A plain answer whose status is known. */
export type FullAnswer = PlainAnswer & { readonly status: number };

const SUCCESS_BODY = '{"message":"Success"}';
const ENDLESS_CHUNK = Buffer.alloc(16 * 1024, 'endless ');
const TRICKLE_MS = 20;
const RESET_PAUSE_MS = 20;
const HUGE_HEADERS = Array.from({ length: 64 }, (_, n) => `X-Huge-${n}: ${'h'.repeat(1024)}\r\n`).join('');

/** Writes a whole HTTP answer. */
export function sendPlain(response: ServerResponse, answer: FullAnswer): void {
  const { status } = answer;
  const hasBody = status >= 200 && status !== 204 && status !== 304;
  const body = hasBody ? (answer.body ?? defaultBody(status)) : '';
  response.setHeader('Content-Type', 'application/json');
  if (hasBody) response.setHeader('Content-Length', Buffer.byteLength(body));
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  response.writeHead(status).end(body);
}

function defaultBody(status: number): string {
  if (status < 300) return SUCCESS_BODY;
  return JSON.stringify({ message: STATUS_CODES[status] ?? `Status ${status}` });
}

/** Gives an answer that breaks the rules. All that it starts ends when the connection closes. */
export function misbehave(response: ServerResponse, connection: Connection, answer: BadAnswer): void {
  WAYS[answer.behaviour](response, connection, visibleStatus(answer));
}

type Way = (response: ServerResponse, connection: Connection, status: number) => void;

const WAYS: Readonly<Record<Behaviour, Way>> = {
  hang: () => {},
  reset: (_response, connection) => connection.socket.resetAndDestroy(),
  close: (response) => response.socket?.end(),
  garbage: (response) => response.socket?.end('220 mail.acme.example ESMTP ready\r\n'),
  slow_headers: (response) => {
    response.socket?.write('HTTP/1.1 200 OK\r\n');
    trickle(response, () => response.socket?.write('X-Slow: 1\r\n'));
  },
  huge_headers: (response) => response.socket?.end(`HTTP/1.1 200 OK\r\n${HUGE_HEADERS}\r\n`),
  reset_after_headers: (response, connection, status) =>
    breakOff(response, status, () => afterReading(response, () => connection.socket.resetAndDestroy())),
  close_after_headers: (response, _connection, status) =>
    breakOff(response, status, () => response.socket?.end()),
  endless_body: (response, _connection, status) => {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    const pour = (): void => {
      while (!response.destroyed && response.write(ENDLESS_CHUNK));
      if (!response.destroyed) response.once('drain', pour);
    };
    pour();
  },
  slow_body: (response, _connection, status) => {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.write(' ');
    trickle(response, () => response.write(' '));
  },
};

function breakOff(response: ServerResponse, status: number, end: () => void): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': '1000' });
  response.write('{"message":', end);
}

/**
 * A reset that comes together with the bytes before it may hide them, or look like an orderly end. So it
 * waits a moment, and then for one more turn of the loop in which a receiver in this process can read.
 */
function afterReading(response: ServerResponse, act: () => void): void {
  const timer = setTimeout(() => setImmediate(act), RESET_PAUSE_MS);
  response.once('close', () => clearTimeout(timer));
}

function trickle(response: ServerResponse, drop: () => void): void {
  const timer = setInterval(drop, TRICKLE_MS);
  response.once('close', () => clearInterval(timer));
}
