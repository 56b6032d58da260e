import { type Dispatcher, Pool } from 'undici';
import { v7 as uuidv7 } from 'uuid';
import type { Places } from '../protocol.ts';
import type { Sender } from '../sender.ts';
import { bodyOf, CONCURRENCY, headersOf, PATH } from '../workload.ts';

type Prepared = Dispatcher.DispatchOptions;

/**
 * Bare undici: as many loops as there may be requests in flight, each with one request at a time. `dispatch`,
 * since it costs a tenth less than `request` with the body dumped.
 */
export function createUndiciSender({ port }: Places): Sender {
  let prepared: Prepared[] = [];
  let pool: Pool | undefined;
  let loops: Promise<unknown> = Promise.resolve();

  return {
    async prepare(total) {
      prepared = Array.from({ length: total }, (_, n) => ({
        path: PATH,
        method: 'POST' as const,
        headers: headersOf(uuidv7()),
        body: bodyOf(n),
      }));
    },
    async start() {
      const opened = new Pool(`http://127.0.0.1:${port}`, { connections: CONCURRENCY, pipelining: 1 });
      pool = opened;
      let next = 0;
      const loop = async (): Promise<void> => {
        for (let request = prepared[next++]; request !== undefined; request = prepared[next++]) {
          await send(opened, request);
        }
      };
      loops = Promise.all(Array.from({ length: CONCURRENCY }, loop));
    },
    async stop() {
      await loops;
      await pool?.close();
      prepared = [];
    },
  };
}

function send(pool: Pool, request: Prepared): Promise<void> {
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
