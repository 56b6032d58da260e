import { X509Certificate } from 'node:crypto';
import { lookup as dnsLookup } from 'node:dns';
import type { Socket } from 'node:net';
import { createSecureContext, type DetailedPeerCertificate, type SecureContext, TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import { type CertificateFacts, factsOf } from '../config/certificates.ts';
import type { TlsMaterial } from '../config/config-schema.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { createLookup, guardSocket, refuseAddress } from './address-guard.ts';
import type { Lookup } from './share-questions.ts';

/** What a client's connections are made with; certificates and key are PEM texts, not file names. */
export interface ConnectorOptions {
  /** Whether loopback, private and other special addresses may be connected to. */
  readonly allowPrivateNetwork: boolean;
  /** Its `ca` takes the place of the public authorities, as in Node. */
  readonly tls?: Partial<TlsMaterial>;
  /** Default: `dns.lookup`. */
  readonly lookup?: Lookup;
  /**
   * Told which certificates a server, as host:port, has shown, its own first: also if they are refused. Only when they
   * are others than before; a session that is taken up again shows none.
   */
  readonly onPeerCertificates?: ((peer: string, chain: readonly CertificateFacts[]) => void) | undefined;
  /** For how long a connection is used, so that a name that moved is followed; default: 30 s. */
  readonly connectionMaxAgeMs?: number;
}

/** Is handed what was read, its first bytes; they are overwritten after the call. */
type OnRead = (bytes: Buffer, length: number) => boolean;
/** undici's own type leaves out that the socket is returned. */
type Connect = (to: buildConnector.Options, callback: buildConnector.Callback) => Socket;

const VERSIONS = { '1.2': 'TLSv1.2', '1.3': 'TLSv1.3' } as const;
const MIN_VERSION = '1.2';
const MAX_AGE_MS = 30_000;
const LONGEST_CHAIN = 10;
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
  #options: buildConnector.BuildOptions;
  /** The latest TLS session with each host and port, so that the next handshake is a short one. */
  #sessions = new Map<string, Buffer>();
  readonly #onPeerCertificates: ConnectorOptions['onPeerCertificates'];
  /** By host and port: the fingerprint of the certificate that was shown last. */
  readonly #shown = new Map<string, string>();

  /** Throws `TLS_SETTINGS_INVALID` if certificate, key or authority cannot be used. */
  constructor(options: ConnectorOptions) {
    const { allowPrivateNetwork, tls, lookup = dnsLookup, connectionMaxAgeMs } = options;
    this.maxAgeMs = connectionMaxAgeMs ?? MAX_AGE_MS;
    this.#onPeerCertificates = options.onPeerCertificates;
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
      this.#keepSession(peer, socket);
      if (this.#onPeerCertificates !== undefined) this.#watchCertificates(to, socket);
    }
    return socket;
  }

  #watchCertificates({ hostname, port }: buildConnector.Options, socket: TLSSocket): void {
    const host = hostname.includes(':') ? `[${hostname}]` : hostname;
    const peer = `${host}:${port || '443'}`;
    // Before Node's own listener: if that refuses the certificate, nothing is left of it.
    socket.prependOnceListener('secure', () => {
      if (socket.isSessionReused()) return;
      // Not getPeerX509Certificate: it takes the certificate out of the chain that Node judges afterwards.
      const { fingerprint256 } = socket.getPeerCertificate();
      if (fingerprint256 === undefined || fingerprint256 === this.#shown.get(peer)) return;
      this.#shown.set(peer, fingerprint256);
      // With its chain it costs an eighth of a handshake.
      this.#onPeerCertificates?.(peer, chainOf(socket.getPeerCertificate(true)));
    });
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

/** A server's certificate and its issuers', but for the root: that is ours to trust, not the server's to renew. */
function chainOf(certificate: DetailedPeerCertificate): CertificateFacts[] {
  const raw = [certificate.raw];
  let next = certificate.issuerCertificate;
  while (next !== undefined && next !== next.issuerCertificate && raw.length < LONGEST_CHAIN) {
    raw.push(next.raw);
    next = next.issuerCertificate;
  }
  try {
    return raw.map((bytes) => factsOf(new X509Certificate(bytes)));
  } catch {
    // Whatever a server has sent, no connection fails for telling of it.
    return [];
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
