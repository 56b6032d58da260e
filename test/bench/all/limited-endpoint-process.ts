import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '../child.ts';
import { Capacity } from './capacity.ts';
import type { Arrival, LimitedEndpointCommands } from './protocol.ts';
import { sharedNow } from './shared-clock.ts';

/*
 * The process of an endpoint of limited capacity: `limited-endpoint-process.js endpoint`. It answers 200 to what it
 * can serve and 503 to the rest, and counts what it answered.
 */

const NUMBER = /"optiturn_lp":"LPAA(\d+)"/;
const KEEP_ALIVE_MS = 60_000;
const SECOND_MS = 1_000;

const seconds: Record<string, number>[] = [];
const deliveries: Arrival[] = [];
let capacity: Capacity | undefined;
let beganAt: number | undefined;
let port = 0;

function take(body: string, response: ServerResponse): void {
  const now = sharedNow();
  beganAt ??= now;
  const endsAt = capacity?.admit(now);
  const status = endsAt === undefined ? 503 : 200;
  // It comes after `finish`, and alone if the sender left first.
  response.once('close', () => {
    const at = sharedNow();
    const answered = response.writableFinished ? status : 0;
    count(answered, at);
    if (answered === 200) deliveries.push([Number(NUMBER.exec(body)?.[1] ?? -1), at]);
  });
  response.writeHead(status, { 'content-type': 'application/json' });
  const end = (): void => void response.end(status === 200 ? '{"message":"Success"}' : '{}');
  if (endsAt === undefined) end();
  else setTimeout(end, endsAt - now);
}

function count(status: number, at: number): void {
  const second = secondOf(at);
  fill(second + 1);
  const counts = seconds[second] ?? {};
  counts[status] = (counts[status] ?? 0) + 1;
}

function secondOf(at: number): number {
  return beganAt === undefined ? 0 : Math.floor((at - beganAt) / SECOND_MS);
}

function fill(length: number): void {
  while (seconds.length < length) seconds.push({});
}

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => {
    body += chunk;
  });
  request.on('end', () => take(body, response));
});
server.keepAliveTimeout = KEEP_ALIVE_MS;

async function listen(): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
}

serve<LimitedEndpointCommands>({
  async listen(limits) {
    capacity = new Capacity(limits);
    await listen();
    return port;
  },
  async refuse() {
    server.close();
    server.closeAllConnections();
  },
  async accept() {
    await listen();
    return sharedNow();
  },
  async counts() {
    fill(secondOf(sharedNow()));
    return seconds;
  },
  deliveries: async () => deliveries,
});
