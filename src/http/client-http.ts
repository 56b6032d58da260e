import type { AttemptResult } from '../core/attempt-result.ts';
import type { CallOffSignal } from '../core/call-off.ts';
import { portOf } from '../core/host-port.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { refuseLiteral } from './address-guard.ts';
import { ConnectionPool } from './connection-pool.ts';
import { Connector, type ConnectorOptions } from './connector.ts';
import { Exchange, type HttpRequest, type Target } from './exchange.ts';
import { explainUnsent } from './explain-unsent.ts';
import { UnderWay } from './under-way.ts';

/** How a client's endpoints are reached. */
export interface HttpOptions extends ConnectorOptions {
  /** Sockets per origin; at least the client's concurrency, or else requests wait for one another. */
  readonly connections: number;
  /** For one request, from the call to the last byte of the answer. */
  readonly timeoutMs: number;
}

/** One client's connections. */
export interface ClientHttp {
  /**
   * Sends one POST unless told otherwise; redirects are not followed. Any status is an answer, whatever becomes of
   * the body. If a connection kept alive was closed before a byte of the answer, the request is sent once more.
   * Rejects only with `HTTP_REQUEST_INVALID`, for a URL or header that cannot be sent.
   * `signal` may be shared among any number of requests.
   */
  post(request: HttpRequest, signal?: CallOffSignal): Promise<AttemptResult>;
  /** Other TLS settings, for the connections that are opened from now on. Throws `TLS_SETTINGS_INVALID`. */
  renewTls(tls: NonNullable<ConnectorOptions['tls']>): void;
  /** Calls off what is under way, which resolves as aborted, and closes all connections. */
  close(): Promise<void>;
}

/** Creates a client's connections; none is opened yet. Throws `TLS_SETTINGS_INVALID`. */
export function createClientHttp(options: HttpOptions): ClientHttp {
  const connector = new Connector(options);
  const underWay = new UnderWay();
  /** By URL: a client has few, and parsing one costs a few per cent of a request. */
  const targets = new Map<string, Target>();
  const pools = new Map<string, ConnectionPool>();
  let closed = false;

  function addTarget(text: string): Target {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || portOf(url) === undefined) {
      throw new WaybillError('HTTP_REQUEST_INVALID', 'the endpoint is not an http: or https: URL');
    }
    const pool = pools.get(url.origin) ?? new ConnectionPool(url.origin, options.connections, connector);
    pools.set(url.origin, pool);
    const refusal = options.allowPrivateNetwork ? undefined : refuseLiteral(url.hostname);
    const where = connector.describe(url);
    const target: Target = {
      pool,
      underWay,
      path: url.pathname + url.search,
      where,
      timeoutMs: options.timeoutMs,
      refusal: refusal && explainUnsent(refusal, where),
    };
    targets.set(text, target);
    return target;
  }

  return {
    post: (request, signal) =>
      new Promise((resolve) => {
        const target = targets.get(request.url) ?? addTarget(request.url);
        if (closed || signal?.aborted) resolve({ kind: 'aborted' });
        else if (target.refusal !== undefined) resolve(target.refusal);
        else new Exchange(request, target, signal, resolve).start();
      }),
    renewTls: (tls) => connector.renewTls(tls),
    async close() {
      closed = true;
      underWay.endAll();
      await Promise.all([...pools.values()].map((pool) => pool.close()));
    },
  };
}
