import { once } from 'node:events';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';

/** Listens, and never accepts: its thread sleeps from then on. */
const LISTENING = `
  const { parentPort, workerData } = require('node:worker_threads');
  require('node:net').createServer().listen({ ...workerData, backlog: 1 }, () => {
    parentPort.postMessage('listening');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;
/** How many connections the system establishes for a backlog of one; it drops what comes for another. */
const ESTABLISHED = 2;

/** Makes an address that answers nothing, neither with a connection nor with a refusal, until it is closed. */
export async function blackHole(host: string, port: number): Promise<{ close(): Promise<void> }> {
  const worker = new Worker(LISTENING, { eval: true, workerData: { host, port } });
  await once(worker, 'message');
  const sockets = Array.from({ length: ESTABLISHED }, () => connect({ host, port }));
  for (const socket of sockets) if (socket.connecting) await once(socket, 'connect');
  return {
    async close() {
      for (const socket of sockets) socket.on('error', () => {}).destroy();
      await worker.terminate();
    },
  };
}
