import type { Socket } from 'node:net';
import { AnswerReader, type AnswerTaker, EMPTY_LINE_BYTES, isEmptyLine } from './answer-reader.ts';
import type { Connector, Origin } from './connector.ts';
import type { RequestBytes } from './write-request.ts';

/** So soon after an answer there was hardly a moment in which anything else could have come. */
const JUST_NOW_MS = 0.5;

const REQUEST_TIMEOUT = /^HTTP\/1\.[01] 408$/;
const STATUS_END = 'HTTP/1.1 408'.length;

/** Why a connection is of no use any more. */
export type Gone =
  | { readonly kind: 'closed' }
  | { readonly kind: 'error'; readonly error: Error }
  /** What came is no answer. */
  | { readonly kind: 'fault'; readonly fault: string }
  /** Something came that nobody had asked for. */
  | { readonly kind: 'unasked' };

/** Who wants a connection. */
export interface ConnectionUser extends AnswerTaker {
  /** Whether it has no more use for one. */
  readonly done: boolean;
  /** Takes the connection, until it is released or discarded. */
  begin(connection: Connection): void;
  /** The answer is read to its end. `now`: in milliseconds of the monotonic clock. */
  onEnd(now: number): void;
  /** The connection ended before that. */
  onGone(gone: Gone): void;
  /** Calls the request off. */
  abort(): void;
}

/** One connection to an origin, and what is known of it: whether it was used before, and what has come since. */
export class Connection {
  /** The answers that were read to their end. */
  answers = 0;
  /** When it was taken back after the latest of them, in milliseconds of the monotonic clock. */
  answeredAt = Number.NEGATIVE_INFINITY;
  /** Until when it may wait for another request, on the same clock; in the past: it cannot be used again. */
  idleUntil = 0;
  /** Whether more came than the answer that was asked for. */
  hasExcess = false;
  /** Whose request it carries; none: it is idle. */
  user: ConnectionUser | undefined;
  /** Whether that request was handed to the system. */
  written = false;
  /** Bytes that came since. */
  received = 0;
  readonly #secure: boolean;
  readonly #socket: Socket;
  readonly #reader = new AnswerReader();
  readonly #onGone: (connection: Connection, gone: Gone) => void;
  #ready = false;
  /** Whether nothing that had arrived was left to be read behind the latest answer. */
  #hasReadAll = false;
  /** How many bytes of an empty line came behind it. */
  #trailing = 0;
  #over = false;
  #rests = false;
  /** Whether the socket is closed, not only going to be. */
  #closed = false;
  /** Waits for the connection to be established. */
  #unwritten: RequestBytes | undefined;

  /** @param onGone told once, unless it was closed */
  constructor(origin: Origin, connect: Connector, onGone: (connection: Connection, gone: Gone) => void) {
    this.#onGone = onGone;
    this.#secure = origin.secure;
    const onRead = (bytes: Buffer, length: number): void => this.#read(bytes, length);
    this.#socket = connect(origin, onRead, () => this.#begin());
    this.#socket.on('error', (error) => this.#end({ kind: 'error', error }));
    this.#socket.on('end', () => this.#endOfInput());
    this.#socket.on('close', () => {
      this.#closed = true;
      this.#end({ kind: 'closed' });
    });
  }

  /** Is the user's from now on. */
  lend(user: ConnectionUser): void {
    if (this.#rests) this.#socket.ref();
    this.#rests = false;
    this.user = user;
    this.written = false;
    user.begin(this);
  }

  /** Does not keep the process alive until it is lent again. */
  rest(): void {
    if (!this.#rests) this.#socket.unref();
    this.#rests = true;
  }

  /** Writes the user's request, once, as soon as the connection is established. */
  write(request: RequestBytes): void {
    // A request that waited for the poll may have been written to the connection that took this one's place.
    if (this.#over || this.written) return;
    if (!this.#ready) {
      this.#unwritten = request;
      return;
    }
    this.written = true;
    this.received = 0;
    this.#trailing = 0;
    this.#reader.begin(this.user as ConnectionUser);
    if (typeof request === 'string') this.#socket.write(request, 'latin1');
    else this.#socket.write(request);
  }

  /** Whether it can be used again without a look at what has come since its last answer. */
  hasJustAnswered(now: number): boolean {
    return this.#hasReadAll && now - this.answeredAt < JUST_NOW_MS;
  }

  /**
   * How many bytes of the request have not left this process, so that nobody can have read it. Over TLS, those that
   * have left count until the poll is over that may have brought the answer already.
   */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  /** Resolves when the socket is closed. */
  async closed(): Promise<void> {
    // `socket.closed` is true as soon as the socket is destroyed; `once` of events fails where its error comes first.
    if (!this.#closed) await new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
  }

  /** Closes the socket at once, whatever state it is in. */
  close(): void {
    this.#over = true;
    this.#reader.stop();
    this.#socket.destroy();
  }

  #begin(): void {
    // The address guard may have ended it a moment ago.
    if (this.#socket.destroyed) return;
    this.#ready = true;
    const request = this.#unwritten;
    this.#unwritten = undefined;
    if (request !== undefined) this.write(request);
  }

  #read(bytes: Buffer, length: number): void {
    if (this.#over) return;
    this.received += length;
    const { user } = this;
    if (user === undefined || !this.written) {
      this.#readUnasked(bytes, length);
      return;
    }
    const read = this.#reader.read(bytes, length);
    if (typeof read !== 'number') {
      this.#end({ kind: 'fault', fault: read.fault });
    } else if (!this.#over && this.#reader.done) {
      // A full buffer is read on from at once; TLS hands over what it has record by record.
      this.#hasReadAll = !this.#secure && length < bytes.length;
      // The server sends more than it was asked for: whoever comes next must not take it for an answer.
      this.#trailing = length - read;
      this.hasExcess = this.#trailing > 0 && !isEmptyLine(bytes, read, length);
      this.#answered(user);
    }
  }

  #readUnasked(bytes: Buffer, length: number): void {
    // Some servers take leave like this of a connection that is idle (RFC 9110, section 15.5.9).
    if (REQUEST_TIMEOUT.test(bytes.toString('latin1', 0, Math.min(length, STATUS_END)))) {
      this.#end({ kind: 'closed' });
      return;
    }
    // One such line is a habit, line after line is a flood.
    this.#trailing += length;
    if (this.#trailing > EMPTY_LINE_BYTES || !isEmptyLine(bytes, 0, length)) this.#end({ kind: 'unasked' });
  }

  #answered(user: ConnectionUser): void {
    this.answers += 1;
    const now = performance.now();
    this.idleUntil = now + this.#reader.idleMs;
    // Or else it would hold on to the user, and its request, for as long as the connection is idle.
    this.#reader.stop();
    user.onEnd(now);
  }

  #endOfInput(): void {
    if (this.#over) return;
    if (this.user !== undefined && this.#reader.endOfInput()) this.#answered(this.user);
    else this.#end({ kind: 'closed' });
  }

  #end(gone: Gone): void {
    if (this.#over) return;
    this.close();
    this.#onGone(this, gone);
  }
}
