import type { Unsent } from '../core/attempt-result.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { refuseLiteral } from './address-guard.ts';
import { ConnectionPool } from './connection-pool.ts';
import type { Connector, Origin } from './connector.ts';

/** A URL taken apart, and the connections to its origin. */
export interface Target {
  readonly pool: ConnectionPool;
  readonly path: string;
  /** The value of the `host` header. */
  readonly host: string;
  /** host:port. */
  readonly where: string;
  /** Why nothing is sent there. */
  readonly refusal: Unsent | undefined;
}

/** A client's targets by their URL. */
export interface Targets {
  /** Throws `HTTP_REQUEST_INVALID` where the text is not a URL for HTTP. */
  of(url: string): Target;
  close(): Promise<void>;
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/** Keeps what is known of each URL, since a client has few and parsing one costs a few per cent of a request. */
export function createTargets(
  connect: Connector,
  {
    connections,
    allowPrivateNetwork,
  }: { readonly connections: number; readonly allowPrivateNetwork: boolean },
): Targets {
  const targets = new Map<string, Target>();
  const pools = new Map<string, ConnectionPool>();

  function poolOf(url: URL, port: string): ConnectionPool {
    const origin: Origin = {
      secure: url.protocol === 'https:',
      hostname: bareHostname(url),
      port: Number(port),
    };
    const pool = pools.get(url.origin) ?? new ConnectionPool(origin, connections, connect);
    pools.set(url.origin, pool);
    return pool;
  }

  function add(text: string): Target {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const defaultPort = url && DEFAULT_PORTS[url.protocol];
    if (url === undefined || defaultPort === undefined) {
      throw new WaybillError('HTTP_REQUEST_INVALID', 'the endpoint is not an http: or https: URL');
    }
    const refusal = allowPrivateNetwork ? undefined : refuseLiteral(bareHostname(url));
    const port = url.port === '' ? defaultPort : url.port;
    const target: Target = {
      pool: poolOf(url, port),
      path: url.pathname + url.search,
      host: url.host,
      where: `${url.hostname}:${port}`,
      refusal: refusal && { kind: 'unsent', failureClass: 'address', detail: refusal.message },
    };
    targets.set(text, target);
    return target;
  }

  return {
    of: (url) => targets.get(url) ?? add(url),
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.close()));
    },
  };
}

/** Without the brackets of an IPv6 address. */
function bareHostname({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}
