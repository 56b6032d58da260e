import type { Socket } from 'node:net';
import { Client } from 'undici';
import type { Connector } from './connector.ts';
import { JoinWrite } from './join-write.ts';
import { PassContinue } from './pass-continue.ts';

/** Raised inside of undici on sockets that are closed on purpose; nobody gets to see it. */
const CLOSED_BY_WAYBILL = Object.assign(new Error('closed by Waybill'), { code: 'CLOSED_BY_WAYBILL' });

/** So soon after an answer there was hardly a moment in which anything else could have come. */
const JUST_NOW_MS = 0.5;

/** Who wants a connection. */
export interface ConnectionUser {
  /** Whether it has no more use for one. */
  readonly done: boolean;
  /** Takes the connection, until it is released or discarded. */
  begin(connection: Connection): void;
  /** Calls the request off. */
  abort(): void;
}

/**
 * One connection to an origin. undici's `Client` holds one socket at a time, so it is known exactly which
 * socket a request went out on, and how many answers came on it before: `Pool` does not tell.
 */
export class Connection {
  readonly client: Client;
  /** The present socket, from the start of its connecting on. */
  socket: Socket | undefined;
  /** The answers that were read to their end on the present socket. */
  answers = 0;
  /** When the latest of them was read, in milliseconds of the monotonic clock. */
  answeredAt = Number.NEGATIVE_INFINITY;
  /** Whose request it carries; none: it is idle. */
  user: ConnectionUser | undefined;
  #continue: PassContinue | undefined;
  #joined: JoinWrite | undefined;

  constructor(origin: string, connect: Connector, onGone: (connection: Connection, error: Error) => void) {
    this.client = new Client(origin, {
      pipelining: 1,
      // Both restart with each chunk; a request has one deadline for all.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (options, callback) => {
        this.socket = connect(options, callback);
        this.#continue = new PassContinue(this.socket);
        this.#joined = new JoinWrite(this.socket);
      },
    });
    const gone = (_origin: unknown, _clients: unknown, error: Error) => {
      onGone(this, error);
      this.answers = 0;
    };
    this.client.on('disconnect', gone);
    this.client.on('connectionError', gone);
  }

  /** A request with this body is written next, and what is read then is its answer. */
  expectRequest(body: string | null): void {
    this.#joined?.expectBody(body);
    this.#continue?.expectAnswer();
  }

  /** Whether it can be used again without a look at what has come since its last answer. */
  hasJustAnswered(): boolean {
    return performance.now() - this.answeredAt < JUST_NOW_MS;
  }

  /** How many bytes of the request have not left this process, so that nobody can have read it. */
  get unsentBytes(): number {
    return this.socket?.writableLength ?? 0;
  }

  /** Whether it ended, while idle, on bytes that nobody had asked for; `error` is the one that undici ended it with. */
  spokeUnasked(error: Error): boolean {
    if (this.answers === 0 || this.socket?.readableEnded) return false;
    const code = 'code' in error ? error.code : undefined;
    return code === 'UND_ERR_SOCKET' || error.name === 'HTTPParserError';
  }

  /** Closes the socket at once, whatever state it is in; the client follows when undici has noticed. */
  close(): void {
    this.socket?.destroy(CLOSED_BY_WAYBILL);
  }
}
