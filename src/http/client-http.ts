import type { AttemptResult } from '../core/attempt-result.ts';
import type { CallOffSignal } from '../core/call-off.ts';
import { AfterPoll } from './after-poll.ts';
import { type ConnectorOptions, createConnector } from './connector.ts';
import { Exchange, type ExchangeRequest } from './exchange.ts';
import { createTargets } from './targets.ts';
import { UnderWay } from './under-way.ts';
import { writeRequest } from './write-request.ts';

/** How a client's endpoints are reached. */
export interface HttpOptions extends ConnectorOptions {
  /** Sockets per origin; at least the client's concurrency, or else requests wait for one another. */
  readonly connections: number;
  /** For one request, from the call to the last byte of the answer. */
  readonly timeoutMs: number;
}

/** One request. */
export interface HttpRequest {
  readonly url: string;
  /** Default: POST. */
  readonly method?: 'POST' | 'GET' | 'PUT' | undefined;
  /** Header names and values in turns; `host` and `content-length` are added. */
  readonly headers: readonly string[];
  /** null: none, as a GET has it. */
  readonly body: string | null;
  /** Default: that of the options. */
  readonly timeoutMs?: number;
  /**
   * Keeps so many bytes of the answer's body whatever the status, and waits for its end until the deadline;
   * default: nothing of a 2xx, else 2 KiB, and no longer than a second after the status.
   */
  readonly keepBodyBytes?: number;
}

/** One client's connections. */
export interface ClientHttp {
  /**
   * Sends one POST unless told otherwise; redirects are not followed. Any status is an answer, whatever becomes of
   * the body.
   * Where a connection kept alive was closed before a byte of the answer, the request is sent once more.
   * Rejects only with `HTTP_REQUEST_INVALID`, for a URL or header that cannot be sent.
   * `signal` may be shared among any number of requests.
   */
  post(request: HttpRequest, signal?: CallOffSignal): Promise<AttemptResult>;
  /** Calls off what is under way, which resolves as aborted, and closes all connections. */
  close(): Promise<void>;
}

const ABORTED: AttemptResult = { kind: 'aborted' };

/** Creates a client's connections; none is opened yet. Throws `TLS_SETTINGS_INVALID`. */
export function createClientHttp(options: HttpOptions): ClientHttp {
  const targets = createTargets(createConnector(options), options);
  const underWay = new UnderWay();
  const afterPoll = new AfterPoll();
  let closed = false;

  return {
    post: (request, signal) =>
      new Promise((resolve) => {
        const { pool, path, host, where, refusal } = targets.of(request.url);
        if (closed || signal?.aborted) return resolve(ABORTED);
        if (refusal !== undefined) return resolve(refusal);
        const { method = 'POST', headers, body } = request;
        const exchange: ExchangeRequest = {
          pool,
          where,
          bytes: writeRequest({ method, path, host, headers, body }),
          timeoutMs: request.timeoutMs ?? options.timeoutMs,
          keepBodyBytes: request.keepBodyBytes,
          signal,
          underWay,
          afterPoll,
        };
        new Exchange(exchange, resolve).start();
      }),
    close() {
      closed = true;
      return targets.close();
    },
  };
}
