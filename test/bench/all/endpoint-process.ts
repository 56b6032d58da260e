import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '../child.ts';
import type { Arrival, EndpointCommands } from './protocol.ts';
import { sharedNow } from './shared-clock.ts';

/*
 * The process of the endpoints: `endpoint-process.js endpoint`.
 */

const NUMBER = /"optiturn_lp":"LPAA(\d+)"/;
const KEEP_ALIVE_MS = 60_000;

let arrivals: Arrival[] = [];
let onArrival: () => void = () => {};

const server = createServer((request, response) => {
  const at = sharedNow();
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => {
    body += chunk;
  });
  request.on('end', () => {
    if (request.url === '/hole') return;
    response.statusCode = request.url === '/broken' ? 500 : 200;
    response.setHeader('content-type', 'application/json');
    response.end(request.url === '/broken' ? '{"message":"Internal server error"}' : '{"message":"Success"}');
    arrivals.push([Number(NUMBER.exec(body)?.[1] ?? -1), at]);
    onArrival();
  });
});
server.keepAliveTimeout = KEEP_ALIVE_MS;

serve<EndpointCommands>({
  listen: () =>
    new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    }),
  async begin() {
    arrivals = [];
  },
  arrivals: (count) =>
    new Promise((resolve) => {
      onArrival = () => {
        if (arrivals.length >= count) resolve(arrivals);
      };
      onArrival();
    }),
});
