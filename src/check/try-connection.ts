import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { CertificateFacts } from '../config/certificates.ts';
import { proxyFor } from '../config/proxy-routes.ts';
import type { NoAnswer, ProxyAway, Shortage, Unsent } from '../core/attempt-result.ts';
import { withoutBrackets } from '../core/host-port.ts';
import { refuseLiteral } from '../http/address-guard.ts';
import { Connector, type ConnectorOptions } from '../http/connector.ts';
import * as failure from '../http/describe-failure.ts';
import { explainLate, explainUnsent } from '../http/explain-unsent.ts';
import { peerChain } from '../http/peer-certificates.ts';
import { isHandshaking, wasHandshaking } from '../http/tls-failure.ts';
import type { Opening } from '../http/tunnel.ts';

/** A connection that came about. */
export interface Connected {
  readonly kind: 'connected';
  /** The server's address; absent: only a proxy knows it. */
  readonly address?: string;
  /**
   * One round trip: what the address that took the connection needed for it, in milliseconds. Absent: a proxy is in
   * between.
   */
  readonly roundTripMs?: number;
  /** From the start to the end of the handshake, or of connecting if there is none; in milliseconds. */
  readonly ms: number;
  /** Absent: the connection is not encrypted. */
  readonly tls?: {
    /** OpenSSL's name of it, such as `TLSv1.3`. */
    readonly version: string;
    /** The server's own certificate first, without the root; empty if one cannot be read. */
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
 * @param signal ends it sooner, as if the time were over
 * @throws WaybillError `TLS_SETTINGS_INVALID`
 */
export function tryConnection(
  url: URL,
  options: ConnectorOptions,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<ConnectionResult> {
  const connector = new Connector(options);
  const where = connector.describe(url);
  const refusal = options.allowPrivateNetwork ? undefined : refuseLiteral(url.hostname);
  const refused = refusal && explainUnsent(refusal, where);
  if (refused !== undefined) return Promise.resolve(refused);
  const isDirect = proxyFor(options.proxy, url) === undefined;
  return new Promise((resolve) =>
    new Trial(url, where, timeoutMs, resolve).start(connector, isDirect, signal),
  );
}

/** One connection from the question to its end. */
class Trial {
  readonly #url: URL;
  readonly #where: string;
  readonly #timeoutMs: number;
  readonly #resolve: (result: ConnectionResult) => void;
  readonly #timers: NodeJS.Timeout[] = [];
  #opening: Opening | undefined;

  constructor(url: URL, where: string, timeoutMs: number, resolve: (result: ConnectionResult) => void) {
    this.#url = url;
    this.#where = where;
    this.#timeoutMs = timeoutMs;
    this.#resolve = resolve;
  }

  /** @param isDirect whether no proxy is in between */
  start(connector: Connector, isDirect: boolean, signal: AbortSignal | undefined): void {
    const { protocol, host, hostname, port } = this.#url;
    const began = performance.now();
    let attempted = began;
    let connected: number | undefined;
    const end = (): void => this.#end(this.#late());
    this.#after(this.#timeoutMs, end);
    signal?.addEventListener('abort', end, { once: true });
    const to = { protocol, host, hostname: withoutBrackets(hostname), port };
    const opening = connector.open(
      to,
      () => {},
      (...[error, established]) => {
        if (error !== null) return this.#fail(error);
        const now = performance.now();
        const roundTrip = isDirect ? { roundTripMs: (connected ?? now) - attempted } : {};
        const address = opening.address ?? (isDirect ? established.remoteAddress : undefined);
        const ms = now - began;
        const result = { kind: 'connected', ...(address && { address }), ...roundTrip, ms } as const;
        this.#succeed(established, result);
      },
    );
    this.#opening = opening;
    if (!isDirect) return;
    // Of several addresses only the one that answered counts; a question to the resolver does not.
    opening.socket?.on('connectionAttempt', () => {
      attempted = performance.now();
    });
    // Before the listener that calls back.
    opening.socket?.prependOnceListener('connect', () => {
      connected = performance.now();
    });
  }

  #succeed(socket: Socket, connected: Connected): void {
    if (!(socket instanceof TLSSocket)) {
      this.#end(connected);
      return;
    }
    socket.on('error', (error) => this.#fail(error));
    socket.once('close', () => this.#end(this.#noAnswer({ failureClass: 'reset' }, true)));
    const tls = { version: socket.getProtocol() ?? 'TLS', chain: peerChain(socket) };
    this.#after(LISTEN_MS + LISTEN_ROUND_TRIPS * connected.ms, () => this.#end({ ...connected, tls }));
  }

  #fail(error: Error): void {
    this.#end(
      explainUnsent(error, this.#where) ?? this.#noAnswer(failure.explainError(error), wasHandshaking(error)),
    );
  }

  #late(): ConnectionResult {
    const { waitsFor, socket } = this.#opening ?? {};
    return waitsFor === undefined
      ? this.#noAnswer({ failureClass: 'timeout' }, isHandshaking(socket))
      : explainLate(waitsFor, this.#timeoutMs);
  }

  #noAnswer(why: failure.FailureReason, isHandshake: boolean): NoAnswer {
    const stage = isHandshake ? 'handshake' : 'connecting';
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
