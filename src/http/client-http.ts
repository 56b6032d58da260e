import type { Dispatcher } from 'undici';
import type { AttemptResult, Unsent } from '../core/attempt-result.ts';
import type { CallOffSignal } from '../core/call-off.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { refuseLiteral } from './address-guard.ts';
import type { ConnectionOptions } from './connection.ts';
import { ConnectionPool } from './connection-pool.ts';
import { Connector, type ConnectorOptions } from './connector.ts';
import { Exchange } from './exchange.ts';
import { UnderWay } from './under-way.ts';

/** How a client's endpoints are reached. */
export interface HttpOptions extends ConnectorOptions {
  /** Sockets per origin; at least the client's concurrency, or else requests wait for one another. */
  readonly connections: number;
  /** For one request, from the call to the last byte of the answer. */
  readonly timeoutMs: number;
  /** For how long a connection is used, so that a name that moved is followed; default: 30 s. */
  readonly connectionMaxAgeMs?: number;
}

/** One request. */
export interface HttpRequest {
  readonly url: string;
  /** Default: POST. */
  readonly method?: 'POST' | 'GET' | 'PUT' | undefined;
  /** Header names and values in turns; `host`, `connection` and `content-length` are added. */
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
   * If a connection kept alive was closed before a byte of the answer, the request is sent once more.
   * Rejects only with `HTTP_REQUEST_INVALID`, for a URL or header that cannot be sent.
   * `signal` may be shared among any number of requests.
   */
  post(request: HttpRequest, signal?: CallOffSignal): Promise<AttemptResult>;
  /** Calls off what is under way, which resolves as aborted, and closes all connections. */
  close(): Promise<void>;
}

/** A URL taken apart, and the connections to its origin. */
interface Target {
  readonly pool: ConnectionPool;
  readonly path: string;
  /** host:port. */
  readonly where: string;
  /** Why nothing is sent there. */
  readonly refusal: Unsent | undefined;
}

const ABORTED: AttemptResult = { kind: 'aborted' };
const CONNECTION_MAX_AGE_MS = 30_000;
const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/** Creates a client's connections; none is opened yet. Throws `TLS_SETTINGS_INVALID`. */
export function createClientHttp(options: HttpOptions): ClientHttp {
  const targets = new Targets(options);
  const underWay = new UnderWay();
  let closed = false;

  return {
    post: (request, signal) =>
      new Promise((resolve, reject) => {
        const { pool, path, where, refusal } = targets.of(request.url);
        if (closed || signal?.aborted) return resolve(ABORTED);
        if (refusal !== undefined) return resolve(refusal);
        const { method = 'POST', body, timeoutMs = options.timeoutMs, keepBodyBytes } = request;
        // undici only reads the headers; its type does not say so.
        const headers = request.headers as string[];
        const dispatched: Dispatcher.DispatchOptions = { path, method, headers, body };
        const exchange = { pool, where, options: dispatched, timeoutMs, keepBodyBytes, signal, underWay };
        new Exchange(exchange, resolve, reject).start();
      }),
    close() {
      closed = true;
      return targets.close();
    },
  };
}

/** A client's targets by their URL: it has few, and parsing one costs a few per cent of a request. */
class Targets {
  readonly #options: HttpOptions;
  readonly #connections: ConnectionOptions;
  readonly #targets = new Map<string, Target>();
  readonly #pools = new Map<string, ConnectionPool>();

  constructor(options: HttpOptions) {
    this.#options = options;
    const { connectionMaxAgeMs: maxAgeMs = CONNECTION_MAX_AGE_MS } = options;
    this.#connections = { connector: new Connector(options), maxAgeMs };
  }

  /** Throws `HTTP_REQUEST_INVALID` if the text is not a URL for HTTP. */
  of(url: string): Target {
    return this.#targets.get(url) ?? this.#add(url);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
  }

  #add(text: string): Target {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const defaultPort = url && DEFAULT_PORTS[url.protocol];
    if (url === undefined || defaultPort === undefined) {
      throw new WaybillError('HTTP_REQUEST_INVALID', 'the endpoint is not an http: or https: URL');
    }
    const refusal = this.#options.allowPrivateNetwork ? undefined : refuseLiteral(bareHostname(url));
    const target: Target = {
      pool: this.#poolOf(url.origin),
      path: url.pathname + url.search,
      where: `${url.hostname}:${url.port === '' ? defaultPort : url.port}`,
      refusal: refusal && { kind: 'unsent', failureClass: 'address', detail: refusal.message },
    };
    this.#targets.set(text, target);
    return target;
  }

  #poolOf(origin: string): ConnectionPool {
    const pool =
      this.#pools.get(origin) ?? new ConnectionPool(origin, this.#options.connections, this.#connections);
    this.#pools.set(origin, pool);
    return pool;
  }
}

/** Without the brackets of an IPv6 address. */
function bareHostname({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}
