import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '../bench/child.ts';
import { ATTEMPTS, fateOf, SLOW_MS, statusFor, unitOf } from './fates.ts';
import type { Behaviour, JudgeCommands, Sighting } from './protocol.ts';

/*
 * The client's endpoint, in a process of its own that is neither killed nor frozen: it answers each event as its fate
 * wants, unless it is told to behave otherwise, and keeps a record of every request.
 */

const sightings: Sighting[] = [];
const strange: string[] = [];
/** Units whose sixth attempt was answered. */
const through = new Set<number>();
/** Longer than a run: no connection is closed while a request may be on its way over it. */
const KEEP_ALIVE_MS = 3_600_000;
/** What it serves in a second while it answers 503 to the rest. */
const SERVED_PER_SECOND = 40;

let behaviour: Behaviour = 'well';
/** Answers to give when it hangs no longer. */
let hung: (() => void)[] = [];
let served = { second: 0, count: 0 };
let port = 0;

function isBeyondRate(at: number): boolean {
  const second = Math.floor(at / 1_000);
  if (served.second !== second) served = { second, count: 0 };
  served.count += 1;
  return served.count > SERVED_PER_SECOND;
}

function answer(request: IncomingMessage, body: string, response: ServerResponse): void {
  const at = Date.now();
  const unit = unitOf(body);
  const attempt = Number(request.headers['x-waybill-attempt']);
  const id = request.headers['idempotency-key'];
  if (unit === undefined || typeof id !== 'string' || !Number.isInteger(attempt)) {
    strange.push(`${request.method} ${request.url}, ${body.length} characters, key ${id}`);
    response.writeHead(400).end();
    return;
  }
  const isRefused = behaviour === 'answer 503' && isBeyondRate(at);
  const status = isRefused ? 503 : statusFor(unit, attempt, through.has(unit));
  // `close` comes after `finish`, and alone where the sender left first.
  response.once('close', () => {
    const answered = response.writableFinished;
    if (answered && attempt === ATTEMPTS) through.add(unit);
    sightings.push([unit, id, attempt, at, answered ? status : 0, Date.now()]);
  });
  const end = (): void => void response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  const endOrHang = (): void => {
    if (behaviour === 'hang') hung.push(end);
    else end();
  };
  if (fateOf(unit) === 'slow' && !isRefused) setTimeout(endOrHang, SLOW_MS);
  else endOrHang();
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => answer(request, Buffer.concat(chunks).toString('utf8'), response));
});
server.keepAliveTimeout = KEEP_ALIVE_MS;
// A sender that is frozen in the middle of a request is not to be hurried.
server.requestTimeout = 0;
server.headersTimeout = 0;

async function listen(): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
}

async function behave(next: Behaviour): Promise<void> {
  const before = behaviour;
  behaviour = next;
  if (next === 'refuse') {
    server.close();
    server.closeAllConnections();
  } else if (before === 'refuse') await listen();
  const answers = hung;
  hung = [];
  for (const end of answers) end();
}

serve<JudgeCommands>({
  async listen() {
    await listen();
    return port;
  },
  behave,
  count: async () => sightings.length,
  report: async () => ({ sightings: sightings.toSorted((one, other) => one[3] - other[3]), strange }),
});
