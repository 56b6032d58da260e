import { lookup as dnsLookup } from 'node:dns';
import { connect as connectPlain, isIP, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectSecurely, createSecureContext, type SecureContext } from 'node:tls';
import { WaybillError } from '../core/waybill-error.ts';
import { createLookup, guardSocket, refuseAddress } from './address-guard.ts';
import type { Lookup } from './share-questions.ts';

/** What a client's connections are made with; certificates and key are PEM texts, not file names. */
export interface ConnectorOptions {
  /** Whether loopback, private and other special addresses may be connected to. */
  readonly allowPrivateNetwork: boolean;
  /** `ca` takes the place of the public authorities, as in Node. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Default: `dns.lookup`. */
  readonly lookup?: Lookup;
}

/** Where connections go. */
export interface Origin {
  readonly secure: boolean;
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
}

/** Is handed what was read, the first so many bytes; they are overwritten after the call. */
export type OnRead = (bytes: Buffer, length: number) => void;

/** Opens a socket; `onReady` is called once, when it is connected and, where that is due, TLS is established. */
export type Connector = (origin: Origin, onRead: OnRead, onReady: () => void) => Socket;

const KEEP_ALIVE_MS = 60_000;
const MIN_VERSION = 'TLSv1.2';
/** All sockets read into it: what one has read is dealt with before another one reads. */
const READ_BUFFER = Buffer.allocUnsafeSlow(65_536);

/** Builds the function that opens sockets. Throws `TLS_SETTINGS_INVALID` where certificate or key are unfit. */
export function createConnector({ allowPrivateNetwork, tls, lookup }: ConnectorOptions): Connector {
  const guardedLookup = createLookup(
    lookup ?? dnsLookup,
    allowPrivateNetwork ? () => undefined : refuseAddress,
  );
  const secureContext = tls && buildSecureContext(tls);
  /** The latest TLS session with each host and port, so that the next handshake is a short one. */
  const sessions = new Map<string, Buffer>();

  function open({ secure, hostname: host, port }: Origin, onread: OnReadOpts): Socket {
    const common = { host, port, lookup: guardedLookup, onread };
    if (!secure) return connectPlain(common);
    const peer = `${host}:${port}`;
    const socket = connectSecurely({
      ...common,
      minVersion: MIN_VERSION,
      ALPNProtocols: ['http/1.1'],
      // A server name is a name, not an address (RFC 6066, section 3).
      ...(isIP(host) === 0 && { servername: host }),
      ...(secureContext && { secureContext }),
      ...(sessions.has(peer) && { session: sessions.get(peer) }),
    });
    socket.on('session', (session) => sessions.set(peer, session));
    // A handshake that failed may have failed for its session: the next one goes without.
    const forget = (): void => {
      if (!socket.authorized) sessions.delete(peer);
    };
    return socket.once('error', forget).once('close', forget);
  }

  return (origin, onRead, onReady) => {
    const callback = (length: number): boolean => {
      onRead(READ_BUFFER, length);
      return true;
    };
    const socket = open(origin, { buffer: READ_BUFFER, callback });
    if (!allowPrivateNetwork) guardSocket(socket, origin.hostname);
    socket.setKeepAlive(true, KEEP_ALIVE_MS).setNoDelay(true);
    return socket.once(origin.secure ? 'secureConnect' : 'connect', onReady);
  };
}

/** One for all connections: parsing certificates costs as much as a handshake. */
function buildSecureContext(tls: NonNullable<ConnectorOptions['tls']>): SecureContext {
  try {
    return createSecureContext({ minVersion: MIN_VERSION, ...tls });
  } catch (cause) {
    throw new WaybillError('TLS_SETTINGS_INVALID', 'the TLS certificate, key or authority cannot be used', {
      cause,
    });
  }
}
