import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { startHealthServer } from '../../src/observability/health-server.ts';
import type { Readiness } from '../../src/observability/readiness.ts';

async function healthServer() {
  const answers = {
    readiness: async (): Promise<Readiness> => {
      throw new Error('no reading');
    },
    metrics: async () => 'waybill_workers 1\n',
  };
  const server = await startHealthServer({ host: 'localhost', port: 0 }, answers);
  onTestFinished(() => server.close());
  return server;
}

test('a fault is answered with 500 as JSON', async () => {
  const { port } = await healthServer();
  const response = await fetch(`http://localhost:${port}/readyz`, { headers: { connection: 'close' } });
  expect([response.status, response.headers.get('content-type')]).toEqual([500, 'application/json']);
  expect(await response.json()).toEqual({ error: 'no reading' });
});

test('a hundred connections are open at most, and another one is closed', async () => {
  const { port } = await healthServer();
  const sockets = Array.from({ length: 101 }, () => connect(port, 'localhost'));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  const [closed] = await Promise.race(
    sockets.map(async (socket) => {
      await once(socket.resume(), 'close');
      return [socket];
    }),
  );
  expect(sockets.filter((socket) => socket.destroyed)).toEqual([closed]);
});
