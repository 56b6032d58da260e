import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '../bench/child.ts';
import { ATTEMPTS, fateOf, SLOW_MS, statusFor, unitOf } from './fates.ts';
import type { JudgeCommands, Sighting } from './protocol.ts';

/*
 * The client's endpoint, in a process of its own that no fault touches: it answers each event as its fate wants
 * and keeps a record of every request.
 */

const sightings: Sighting[] = [];
const strange: string[] = [];
/** Units whose sixth attempt was answered. */
const through = new Set<number>();
/** Longer than a run: no connection is closed while a request may be on its way over it. */
const KEEP_ALIVE_MS = 3_600_000;

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
  const status = statusFor(unit, attempt, through.has(unit));
  // `close` comes after `finish`, and alone where the sender left first.
  response.once('close', () => {
    const answered = response.writableFinished;
    if (answered && attempt === ATTEMPTS) through.add(unit);
    sightings.push([unit, id, attempt, at, answered ? status : 0, Date.now()]);
  });
  const end = (): void => void response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  if (fateOf(unit) === 'slow') setTimeout(end, SLOW_MS);
  else end();
}

serve<JudgeCommands>({
  listen: () =>
    new Promise((resolve) => {
      const server = createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => answer(request, Buffer.concat(chunks).toString('utf8'), response));
      });
      server.keepAliveTimeout = KEEP_ALIVE_MS;
      // A sender that is frozen in the middle of a request is not to be hurried.
      server.requestTimeout = 0;
      server.headersTimeout = 0;
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    }),
  count: async () => sightings.length,
  report: async () => ({ sightings: sightings.toSorted((one, other) => one[3] - other[3]), strange }),
});
