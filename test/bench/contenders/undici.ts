import { type Dispatcher, Pool } from 'undici';
import { v7 as uuidv7 } from 'uuid';
import type { Places } from '../protocol.ts';
import type { Sender } from '../sender.ts';
import { bodyOf, CONCURRENCY, headersOf, PATH } from '../workload.ts';

const DIFFERENT_REQUESTS = 1_000;

/**
 * Bare undici: as many loops as there may be requests in flight, each with one request at a time, all of them made
 * beforehand. `dispatch`, since it costs a tenth less than `request` with the body dumped.
 */
export function createUndiciSender({ port }: Places): Sender {
  const requests = Array.from({ length: DIFFERENT_REQUESTS }, (_, n) => makeRequest(n));
  let left = 0;
  let pool: Pool | undefined;
  let loops: Promise<unknown> = Promise.resolve();

  async function loop(through: Pool): Promise<void> {
    while (left > 0) {
      left -= 1;
      await send(through, requests[left % DIFFERENT_REQUESTS] as Dispatcher.DispatchOptions);
    }
  }

  return {
    async prepare(total) {
      left = total;
    },
    async start() {
      const opened = new Pool(`http://127.0.0.1:${port}`, { connections: CONCURRENCY, pipelining: 1 });
      pool = opened;
      loops = Promise.all(Array.from({ length: CONCURRENCY }, () => loop(opened)));
    },
    async stop() {
      await loops;
      await pool?.close();
    },
  };
}

function makeRequest(n: number): Dispatcher.DispatchOptions {
  return { path: PATH, method: 'POST', headers: headersOf(uuidv7()), body: bodyOf(n) };
}

function send(pool: Pool, request: Dispatcher.DispatchOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let status = 0;
    pool.dispatch(request, {
      onRequestStart() {},
      onResponseStart(_controller, statusCode) {
        status = statusCode;
      },
      onResponseData() {},
      onResponseEnd() {
        if (status >= 200 && status < 300) resolve();
        else reject(new Error(`status ${status}`));
      },
      onResponseError(_controller, error) {
        reject(error);
      },
    });
  });
}
