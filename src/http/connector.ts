import { lookup as dnsLookup } from 'node:dns';
import {
  isIP,
  type LookupFunction,
  type Socket,
  type TcpNetConnectOpts,
  connect as tcpConnect,
} from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket, connect as tlsConnect } from 'node:tls';
import { buildConnector } from 'undici';
import type { TlsMaterial } from '../config/config-schema.ts';
import { type ProxyRoutes, type ProxyServer, proxyFor } from '../config/proxy-routes.ts';
import { hostPort } from '../core/host-port.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { createLookup, guardSocket, refuseAddress } from './address-guard.ts';
import { type OnPeerCertificates, PeerCertificates } from './peer-certificates.ts';
import type { Lookup } from './share-questions.ts';
import { watchTls } from './tls-failure.ts';
import { type Opening, Tunnel } from './tunnel.ts';

/** What a client's connections are made with; certificates and key are PEM texts, not file names. */
export interface ConnectorOptions {
  /** Whether loopback, private and other special addresses may be connected to. */
  readonly allowPrivateNetwork: boolean;
  /** Its `ca` takes the place of the public authorities, as in Node. */
  readonly tls?: Partial<TlsMaterial>;
  /** Absent: all targets are reached directly. */
  readonly proxy?: ProxyRoutes;
  /** Default: `dns.lookup`. */
  readonly lookup?: Lookup;
  readonly onPeerCertificates?: OnPeerCertificates | undefined;
  /** For how long a connection is used, so that a name that moved is followed; default: 30 s. */
  readonly connectionMaxAgeMs?: number;
}

/** Is shown what was read before anything else sees it, and may change it. */
type OnRead = (bytes: Buffer) => void;
/** undici's own type leaves out that the socket is returned. */
type Connect = (to: buildConnector.Options, callback: buildConnector.Callback) => Socket;

const VERSIONS = { '1.2': 'TLSv1.2', '1.3': 'TLSv1.3' } as const;
const MIN_VERSION = '1.2';
const MAX_AGE_MS = 30_000;
/** How long one address of a name may take to connect; the last one may take as long as the request. */
const EACH_ADDRESS = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 2_000 };
/** When TCP asks whether the other side still lives, as undici has it. */
const KEEP_ALIVE_MS = 60_000;
/** All sockets read into it, one at a time: Node would allocate 64 KiB for each read, to be garbage at once. */
const READ_BUFFER = Buffer.allocUnsafeSlow(16_384);

/** The address families of which this process has had a connection. */
export const reachedFamilies = new Set<string | undefined>();

/** Opens a client's sockets for undici, and remembers what makes the next one cheaper. */
export class Connector {
  readonly maxAgeMs: number;
  /** The address of each name that answered last: the next connection tries it first. */
  readonly preferred = new Map<string, string>();
  readonly #allowPrivateNetwork: boolean;
  #options: buildConnector.BuildOptions;
  readonly #lookup: LookupFunction;
  readonly #proxy: ProxyRoutes | undefined;
  /** For the names of proxies, whose addresses are the operator's choice. */
  readonly #proxyLookup: LookupFunction;
  /** The latest TLS session with each host and port, so that the next handshake is a short one. */
  #sessions = new Map<string, Buffer>();
  readonly #peers: PeerCertificates | undefined;

  /** Throws `TLS_SETTINGS_INVALID` if certificate, key or authority cannot be used. */
  constructor(options: ConnectorOptions) {
    const { allowPrivateNetwork, tls, lookup = dnsLookup, connectionMaxAgeMs, proxy } = options;
    this.#proxy = proxy;
    this.#proxyLookup = createLookup(lookup, () => undefined);
    this.maxAgeMs = connectionMaxAgeMs ?? MAX_AGE_MS;
    const { onPeerCertificates } = options;
    this.#peers = onPeerCertificates && new PeerCertificates(onPeerCertificates);
    this.#allowPrivateNetwork = allowPrivateNetwork;
    const refuse = allowPrivateNetwork ? () => undefined : refuseAddress;
    this.#lookup = createLookup(lookup, refuse, this.preferred);
    this.#options = {
      lookup: this.#lookup,
      ...EACH_ADDRESS,
      // The deadline of each request ends a connect that takes too long.
      timeout: 0,
      // undici's own cache offers a session again that the server cannot take up.
      maxCachedSessions: 0,
      minVersion: VERSIONS[MIN_VERSION],
      // One for all connections: parsing certificates costs as much as a handshake.
      ...(tls && { secureContext: secureContextOf(tls) }),
    };
  }

  /** Other settings for the connections that are opened from now on. Throws `TLS_SETTINGS_INVALID`. */
  renewTls(tls: Partial<TlsMaterial>): void {
    this.#options = { ...this.#options, secureContext: secureContextOf(tls) };
    // A session taken up again would stand for the certificates of its first connection.
    this.#sessions = new Map();
  }

  /** Where a target is, for sentences: `host:port`, and the proxy in between. */
  describe(target: URL): string {
    const proxy = proxyFor(this.#proxy, target);
    return proxy === undefined ? hostPort(target) : `${hostPort(target)} through proxy ${proxy.name}`;
  }

  /** Opens a socket; the callback has it when it, and TLS, is established, through a proxy too. */
  open(to: buildConnector.Options, onRead: OnRead, callback: buildConnector.Callback): Opening {
    const proxy = this.#proxy && proxyFor(this.#proxy, new URL(`${to.protocol}//${to.host}`));
    if (proxy !== undefined) {
      return new Tunnel({
        proxy,
        to,
        lookup: this.#lookup,
        connect: () => this.#openProxy(proxy),
        secure: (httpSocket, established) => this.#connect({ ...to, httpSocket }, {}, established),
        onRead,
        callback,
      });
    }
    const onread = {
      buffer: READ_BUFFER,
      callback: (length: number): boolean => {
        const copy = Buffer.allocUnsafe(length);
        READ_BUFFER.copy(copy, 0, 0, length);
        onRead(copy);
        return socket.push(copy);
      },
    };
    const socket = this.#connect(to, { onread }, callback);
    socket.once('connect', () => reachedFamilies.add(socket.remoteFamily));
    if (!this.#allowPrivateNetwork) guardSocket(socket, to.hostname);
    return {
      socket,
      waitsFor: undefined,
      get address() {
        return socket.remoteAddress;
      },
      destroy: () => void socket.destroy(),
    };
  }

  /** On a socket that is given, TLS begins at once. */
  #connect(to: buildConnector.Options, more: object, callback: buildConnector.Callback): Socket {
    const peer = hostPort(to);
    const session = this.#sessions.get(peer);
    const connect = buildConnector({ ...this.#options, ...more, ...(session && { session }) }) as Connect;
    const socket = connect(to, callback);
    if (socket instanceof TLSSocket) {
      watchTls(socket);
      this.#keepSession(peer, socket);
      this.#peers?.watch(peer, socket);
    }
    return socket;
  }

  #openProxy({ host, port, secure }: ProxyServer): Socket {
    const to = { host, port, lookup: this.#proxyLookup, ...EACH_ADDRESS };
    const servername = isIP(host) === 0 ? host : '';
    const minVersion = VERSIONS[MIN_VERSION];
    const socket = secure
      ? tlsConnect({ ...to, servername, minVersion, ALPNProtocols: ['http/1.1'] } as object)
      : tcpConnect(to as TcpNetConnectOpts);
    if (socket instanceof TLSSocket) watchTls(socket);
    socket.once('connect', () => reachedFamilies.add(socket.remoteFamily));
    return socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
  }

  #keepSession(peer: string, socket: TLSSocket): void {
    const sessions = this.#sessions;
    socket.on('session', (session) => sessions.set(peer, session));
    // A handshake that failed may have failed because of its session: the next one goes without.
    const forget = (): void => {
      if (!socket.authorized) sessions.delete(peer);
    };
    socket.once('error', forget).once('close', forget);
  }
}

function secureContextOf({ minVersion = MIN_VERSION, ...tls }: Partial<TlsMaterial>): SecureContext {
  try {
    return createSecureContext({ ...tls, minVersion: VERSIONS[minVersion] });
  } catch (cause) {
    const message = 'the TLS certificate, key or authority cannot be used';
    throw new WaybillError('TLS_SETTINGS_INVALID', message, { cause });
  }
}
