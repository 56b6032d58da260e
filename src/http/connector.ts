import { lookup as dnsLookup } from 'node:dns';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import { WaybillError } from '../core/waybill-error.ts';
import { createLookup, guardSocket, refuseAddress } from './address-guard.ts';
import type { Lookup } from './share-questions.ts';
import { watchTls } from './tls-failure.ts';

/** What a client's connections are made with; certificates and key are PEM texts, not file names. */
export interface ConnectorOptions {
  /** Whether loopback, private and other special addresses may be connected to. */
  readonly allowPrivateNetwork: boolean;
  /** `ca` takes the place of the public authorities, as in Node. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Default: `dns.lookup`. */
  readonly lookup?: Lookup;
  /** For how long a connection is used, so that a name that moved is followed; default: 30 s. */
  readonly connectionMaxAgeMs?: number;
}

/** Is handed what was read, its first bytes; they are overwritten after the call. */
type OnRead = (bytes: Buffer, length: number) => boolean;
/** undici's own type leaves out that the socket is returned. */
type Connect = (to: buildConnector.Options, callback: buildConnector.Callback) => Socket;

const MIN_VERSION = 'TLSv1.2';
const MAX_AGE_MS = 30_000;
/** How long one address of a name may take to connect; the last one may take as long as the request. */
const ADDRESS_MS = 2_000;
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
  readonly #options: buildConnector.BuildOptions;
  /** The latest TLS session with each host and port, so that the next handshake is a short one. */
  readonly #sessions = new Map<string, Buffer>();

  /** Throws `TLS_SETTINGS_INVALID` if certificate, key or authority cannot be used. */
  constructor({ allowPrivateNetwork, tls, lookup = dnsLookup, connectionMaxAgeMs }: ConnectorOptions) {
    this.maxAgeMs = connectionMaxAgeMs ?? MAX_AGE_MS;
    this.#allowPrivateNetwork = allowPrivateNetwork;
    const refuse = allowPrivateNetwork ? () => undefined : refuseAddress;
    this.#options = {
      lookup: createLookup(lookup, refuse, this.preferred),
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: ADDRESS_MS,
      // The deadline of each request ends a connect that takes too long.
      timeout: 0,
      // undici's own cache offers a session again that the server cannot take up.
      maxCachedSessions: 0,
      minVersion: MIN_VERSION,
      // One for all connections: parsing certificates costs as much as a handshake.
      ...(tls && { secureContext: secureContextOf(tls) }),
    };
  }

  /** Opens a socket and returns it at once; the callback has it when it, and TLS, is established. */
  open(to: buildConnector.Options, onRead: OnRead, callback: buildConnector.Callback): Socket {
    const peer = `${to.hostname}:${to.port}`;
    const session = this.#sessions.get(peer);
    const onread = { buffer: READ_BUFFER, callback: (length: number) => onRead(READ_BUFFER, length) };
    const connect = buildConnector({ ...this.#options, onread, ...(session && { session }) }) as Connect;
    const socket = connect(to, callback);
    socket.once('connect', () => reachedFamilies.add(socket.remoteFamily));
    if (!this.#allowPrivateNetwork) guardSocket(socket, to.hostname);
    if (socket instanceof TLSSocket) {
      watchTls(socket);
      this.#keepSession(peer, socket);
    }
    return socket;
  }

  #keepSession(peer: string, socket: TLSSocket): void {
    socket.on('session', (session) => this.#sessions.set(peer, session));
    // A handshake that failed may have failed because of its session: the next one goes without.
    const forget = (): void => {
      if (!socket.authorized) this.#sessions.delete(peer);
    };
    socket.once('error', forget).once('close', forget);
  }
}

function secureContextOf(tls: NonNullable<ConnectorOptions['tls']>): SecureContext {
  try {
    return createSecureContext({ minVersion: MIN_VERSION, ...tls });
  } catch (cause) {
    const message = 'the TLS certificate, key or authority cannot be used';
    throw new WaybillError('TLS_SETTINGS_INVALID', message, { cause });
  }
}
