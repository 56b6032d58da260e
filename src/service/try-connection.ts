import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { type DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { type CertificateFacts, factsOf } from '../config/certificates.ts';
import type { NoAnswer, ProxyAway, Shortage, Unsent } from '../core/attempt-result.ts';
import { ADDRESS_REFUSED, refuseLiteral } from '../http/address-guard.ts';
import { Connector, type ConnectorOptions } from '../http/connector.ts';
import * as failure from '../http/describe-failure.ts';
import { explainLate, explainProxy } from '../http/explain-proxy.ts';
import { wasHandshaking } from '../http/tls-failure.ts';
import { type Opening, ProxyFailure } from '../http/tunnel.ts';

/** A connection that came about. */
export interface Connected {
  readonly kind: 'connected';
  /** The address at the other end. */
  readonly address: string | undefined;
  /** One round trip: what the address that took the connection needed for it, in milliseconds. */
  readonly roundTripMs: number;
  /** Absent: the connection is not encrypted. */
  readonly tls?: {
    /** OpenSSL's name of it, such as `TLSv1.3`. */
    readonly version: string;
    /** From the start to the end of the handshake, in milliseconds. */
    readonly ms: number;
    /** The server's own certificate first, the authority's last. */
    readonly chain: readonly CertificateFacts[];
  };
}

/** What came of trying to connect. */
export type ConnectionResult = Connected | NoAnswer | Unsent | Shortage | ProxyAway;

/**
 * How long a server is listened to after the handshake: by TLS 1.3 it refuses a certificate of ours, or the lack of
 * one, only then. It takes a round trip to hear of it.
 */
const LISTEN_MS = 50;
const LISTEN_ROUND_TRIPS = 3;

/**
 * Opens a connection as a delivery would, with its TLS handshake, and closes it. No request is sent.
 *
 * @param timeoutMs for all of it, in milliseconds
 * @throws WaybillError `TLS_SETTINGS_INVALID`
 */
export function tryConnection(
  url: URL,
  options: ConnectorOptions,
  timeoutMs: number,
): Promise<ConnectionResult> {
  const refusal = options.allowPrivateNetwork ? undefined : refuseLiteral(url.hostname);
  if (refusal !== undefined) {
    return Promise.resolve({ kind: 'unsent', failureClass: 'address', detail: refusal.message });
  }
  const connector = new Connector(options);
  return new Promise((resolve) => new Trial(url, timeoutMs, resolve).start(connector));
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/** One connection from the question to its end. */
class Trial {
  readonly #url: URL;
  readonly #where: string;
  readonly #timeoutMs: number;
  readonly #resolve: (result: ConnectionResult) => void;
  readonly #timers: NodeJS.Timeout[] = [];
  #opening: Opening | undefined;
  #stage: failure.Stage = 'connecting';

  constructor(url: URL, timeoutMs: number, resolve: (result: ConnectionResult) => void) {
    this.#url = url;
    this.#where = `${url.hostname}:${url.port || DEFAULT_PORTS[url.protocol]}`;
    this.#timeoutMs = timeoutMs;
    this.#resolve = resolve;
  }

  start(connector: Connector): void {
    const { protocol, host, hostname, port } = this.#url;
    const began = performance.now();
    let attempted = began;
    let connected: number | undefined;
    this.#after(this.#timeoutMs, () => this.#end(this.#late()));
    const to = { protocol, host, hostname: hostname.replace(/^\[(.*)\]$/, '$1'), port };
    const opening = connector.open(
      to,
      () => {},
      (...[error, established]) => {
        if (error !== null) return this.#fail(error);
        const now = performance.now();
        this.#succeed(established, (connected ?? now) - attempted, now - began);
      },
    );
    this.#opening = opening;
    // Of several addresses only the one that answered counts; a question to the resolver does not.
    opening.socket?.on('connectionAttempt', () => {
      attempted = performance.now();
    });
    // Before the listener that calls back.
    opening.socket?.prependOnceListener('connect', () => {
      connected = performance.now();
      if (protocol === 'https:') this.#stage = 'handshake';
    });
  }

  #succeed(socket: Socket, roundTripMs: number, ms: number): void {
    const address = this.#opening?.address ?? socket.remoteAddress;
    if (!(socket instanceof TLSSocket)) {
      this.#end({ kind: 'connected', address, roundTripMs });
      return;
    }
    socket.on('error', (error) => this.#fail(error));
    socket.once('close', () => this.#end(this.#noAnswer({ failureClass: 'reset' })));
    const tls = { version: socket.getProtocol() ?? 'TLS', ms, chain: chainOf(socket) };
    this.#after(LISTEN_MS + LISTEN_ROUND_TRIPS * ms, () =>
      this.#end({ kind: 'connected', address, roundTripMs, tls }),
    );
  }

  #fail(error: Error): void {
    if (failure.codeOf(error) === ADDRESS_REFUSED) {
      this.#end({ kind: 'unsent', failureClass: 'address', detail: error.message });
    } else if (error instanceof ProxyFailure) {
      const { cause } = error;
      const shortage = cause instanceof Error ? failure.findShortage(cause, this.#where) : undefined;
      this.#end(shortage ?? explainProxy(error));
    } else {
      const stage = wasHandshaking(error) ? 'handshake' : 'connecting';
      const why = failure.explainError(error);
      this.#end(failure.findShortage(error, this.#where) ?? this.#noAnswer(why, stage));
    }
  }

  #late(): ConnectionResult {
    const wait = this.#opening?.waitsFor;
    return wait === undefined
      ? this.#noAnswer({ failureClass: 'timeout' })
      : explainLate(wait, this.#timeoutMs);
  }

  #noAnswer(why: failure.FailureReason, stage: failure.Stage = this.#stage): NoAnswer {
    const detail = failure.describeFailure(why, this.#where, this.#timeoutMs, stage);
    return { kind: 'no_answer', failureClass: why.failureClass, detail };
  }

  #after(ms: number, action: () => void): void {
    this.#timers.push(setTimeout(action, ms));
  }

  /** The first end counts. */
  #end(result: ConnectionResult): void {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    this.#resolve(result);
    this.#opening?.destroy();
  }
}

function chainOf(socket: TLSSocket): CertificateFacts[] {
  const chain: CertificateFacts[] = [];
  const seen = new Set<string>();
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  // An authority's certificate names itself as its issuer.
  while (next?.raw !== undefined && !seen.has(next.fingerprint256)) {
    seen.add(next.fingerprint256);
    const certificate = new X509Certificate(next.raw);
    const facts = factsOf(certificate);
    // Certificates of a few days have names of hosts only.
    chain.push({ ...facts, subject: facts.subject || (certificate.subjectAltName ?? '') });
    next = next.issuerCertificate;
  }
  return chain;
}
