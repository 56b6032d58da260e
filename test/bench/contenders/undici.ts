import { type Dispatcher, Pool } from 'undici';
import { v7 as uuidv7 } from 'uuid';
import type { Places, UndiciApi } from '../protocol.ts';
import type { Sender } from '../sender.ts';
import { bodyOf, CONCURRENCY, headersOf, PATH } from '../workload.ts';

const DIFFERENT_REQUESTS = 1_000;

/**
 * Bare undici: as many loops as there may be requests in flight, each with one request at a time, all of them
 * made beforehand. `request` is what a program that uses undici calls; `dispatch` is what that is made of.
 */
export function createUndiciSender({ port, undiciApi }: Places): Sender {
  const requests = Array.from({ length: DIFFERENT_REQUESTS }, (_, n) => makeRequest(n));
  const send = SEND[undiciApi];
  let left = 0;
  let pool: Pool | undefined;
  let loops: Promise<unknown> = Promise.resolve();

  async function loop(through: Pool): Promise<void> {
    while (left > 0) {
      left -= 1;
      await send(through, requests[left % DIFFERENT_REQUESTS] as Dispatcher.RequestOptions);
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

function makeRequest(n: number): Dispatcher.RequestOptions {
  return { path: PATH, method: 'POST', headers: headersOf(uuidv7()), body: bodyOf(n) };
}

function expect2xx(status: number): void {
  if (status < 200 || status >= 300) throw new Error(`status ${status}`);
}

type Send = (pool: Pool, request: Dispatcher.RequestOptions) => Promise<void>;

const SEND: Readonly<Record<UndiciApi, Send>> = {
  async request(pool, request) {
    const { statusCode, body } = await pool.request(request);
    await body.dump();
    expect2xx(statusCode);
  },
  dispatch: (pool, request) =>
    new Promise((resolve, reject) => {
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
    }),
};
