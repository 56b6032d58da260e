import { Client } from 'undici';
import type { Connector } from './connector.ts';
import { PassContinue } from './pass-continue.ts';
import { isHandshaking } from './tls-failure.ts';
import type { Opening, ProxyWait } from './tunnel.ts';

/** The longest head of an answer that is read. */
export const MAX_HEAD_BYTES = 65_536;
/** How long a connection may be idle if the server does not say for how long it keeps it. */
const IDLE_MS = 4_000;
/** How long before the server's end a connection is given up: hardly a request meets the end. */
const IDLE_MARGIN_MS = 500;

/** One connection to an origin: a `Client` of undici's, and what is known of its socket. */
export class Connection {
  readonly client: Client;
  /** The answers that were read to their end. */
  answers = 0;
  /** Bytes that came since the latest request was written. */
  received = 0;
  /** Whether no request has it; a new one is for a request that waits for it. */
  idle = false;
  /** What was read last of an answer that is not over: it may say why the answer cannot be read. */
  latest: Buffer | undefined;
  readonly #connector: Connector;
  readonly #passContinue = new PassContinue();
  #opening: Opening | undefined;
  #hostname = '';
  /** When the socket was opened, in milliseconds of the monotonic clock. */
  #openedAt = 0;

  /** @param onIdleEnd told that the socket was closed while no request had the connection */
  constructor(origin: string, connector: Connector, onIdleEnd: (connection: Connection) => void) {
    this.#connector = connector;
    this.client = new Client(origin, {
      connect: (to, callback) => {
        this.#openedAt = performance.now();
        this.#hostname = to.hostname;
        this.#opening = connector.open(to, (bytes) => this.#read(bytes), callback);
      },
      maxHeaderSize: MAX_HEAD_BYTES,
      keepAliveTimeout: IDLE_MS,
      keepAliveTimeoutThreshold: IDLE_MARGIN_MS,
      keepAliveMaxTimeout: connector.maxAgeMs,
      // The deadline of each request stands for both.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    // undici opens another socket for a request that it has not written yet.
    this.client.on('disconnect', () => {
      this.answers = 0;
      if (this.idle) onIdleEnd(this);
    });
  }

  /** A request is about to be written. */
  expectAnswer(): void {
    this.received = 0;
    this.latest = undefined;
    this.#passContinue.expectAnswer();
  }

  /** An answer was read to its end. */
  noteAnswer(): void {
    this.answers += 1;
    this.latest = undefined;
    if (this.answers > 1) return;
    const address = this.#opening?.address;
    if (address !== undefined) this.#connector.preferred.set(this.#hostname, address);
  }

  /** Whether another request may be sent on it. */
  isUsable(): boolean {
    return (
      this.#opening?.socket?.destroyed === false &&
      performance.now() - this.#openedAt < this.#connector.maxAgeMs
    );
  }

  /** What a request waits for at a proxy; undefined: for nothing there. */
  get waitsFor(): ProxyWait | undefined {
    return this.#opening?.waitsFor;
  }

  /** Whether it is connected, and TLS is not established yet. */
  get isHandshaking(): boolean {
    return isHandshaking(this.#opening?.socket);
  }

  /** How many bytes of the request before this one have not left this process. */
  get unsentBytes(): number {
    return this.#opening?.socket?.writableLength ?? 0;
  }

  /** Closes the socket at once, whatever state it is in; resolves when it is closed. */
  async close(): Promise<void> {
    // An address that answers nothing is not tried first again.
    if (this.answers === 0) this.#connector.preferred.delete(this.#hostname);
    const destroyed = this.client.destroy();
    // undici leaves a socket alone that is being connected.
    this.#opening?.destroy();
    await destroyed;
  }

  #read(bytes: Buffer): void {
    this.received += bytes.length;
    this.#passContinue.change(bytes);
    this.latest = bytes;
  }
}
