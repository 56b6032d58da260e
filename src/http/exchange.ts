import type { Dispatcher } from 'undici';
import type { AttemptResult } from '../core/attempt-result.ts';
import type { CallOffSignal } from '../core/call-off.ts';
import { classifyNetworkError } from '../core/classify-network-error.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { ADDRESS_REFUSED } from './address-guard.ts';
import type { AfterPoll, Sender } from './after-poll.ts';
import type { Connection, ConnectionUser } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { describeFailure } from './describe-failure.ts';
import { findHeader } from './find-header.ts';
import { textStart } from './text-start.ts';
import type { Limited, UnderWay } from './under-way.ts';

/** One request, ready to be sent. */
export interface ExchangeRequest {
  readonly pool: ConnectionPool;
  /** host:port, for messages. */
  readonly where: string;
  readonly options: Dispatcher.DispatchOptions & { readonly body: string | null };
  /** From the call to the last byte of the answer. */
  readonly timeoutMs: number;
  readonly signal: CallOffSignal | undefined;
  /** Where it waits before it goes out on a connection that was used before. */
  readonly afterPoll: AfterPoll;
  /** Where it stands until it is done. */
  readonly underWay: UnderWay;
  /** Keep so much of the body whatever the status, and wait for all of it; default: see KEPT_BYTES. */
  readonly keepBodyBytes: number | undefined;
}

/** What is kept of the body of an answer that is not a 2xx. */
const KEPT_BYTES = 2_048;
/** A longer body is not worth reading to its end: a new connection costs less. */
const DRAINED_BYTES = 65_536;

/**
 * More than any answer takes. Interim answers, reason phrases and chunk extensions are neither headers, which
 * undici limits, nor body; without end, they cost a processor until the deadline.
 */
const RECEIVED_BYTES = 1_048_576;

/** How long a known status waits for the end of a body that is of no use; then the connection is closed. */
const DRAIN_MS = 1_000;

/** Errors with which a kept-alive connection ends that the other side closed as we wrote. */
const CLOSED_BY_PEER = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/**
 * One POST from call to result; undici's handler at the same time, so that a request costs one object. It is a
 * handler of undici's first form: the second one is wrapped around it there, with three objects more and all
 * headers parsed, for a twentieth of a request's cost.
 */
export class Exchange implements Dispatcher.DispatchHandler, ConnectionUser, Limited, Sender {
  done = false;
  dueAt: number;
  readonly #request: ExchangeRequest;
  readonly #resolve: (result: AttemptResult) => void;
  readonly #reject: (error: Error) => void;
  #connection: Connection | undefined;
  /** Whether the request was written, on the present connection. */
  #written = false;
  #bytesReadBefore = 0;
  #resent = false;
  /** 0: not known yet. */
  #status = 0;
  #retryAfter: string | undefined;
  #keepBytes = 0;
  #received = 0;
  #chunks: Buffer[] | undefined;

  constructor(
    request: ExchangeRequest,
    resolve: (result: AttemptResult) => void,
    reject: (error: Error) => void,
  ) {
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
    this.dueAt = performance.now() + request.timeoutMs;
  }

  get signal(): CallOffSignal | undefined {
    return this.#request.signal;
  }

  start(): void {
    const { pool, underWay } = this.#request;
    underWay.add(this);
    pool.acquire(this);
  }

  begin(connection: Connection): void {
    this.#connection = connection;
    this.#written = false;
    if (connection.answers === 0 || connection.hasJustAnswered()) this.send();
    // What has come unasked while it was idle is read before undici writes, and ends the connection: or else it
    // would be taken for the answer to this request.
    else this.#request.afterPoll.add(this);
  }

  onConnect(): void {
    const connection = this.#connection as Connection;
    const { socket, answers } = connection;
    connection.expectRequest(this.#request.options.body);
    this.#written = true;
    this.#bytesReadBefore = answers === 0 ? 0 : (socket?.bytesRead ?? 0);
  }

  onHeaders(status: number, rawHeaders: readonly Buffer[]): boolean {
    if (status < 200 || this.done) return true;
    this.#status = status;
    const { keepBodyBytes } = this.#request;
    if (status >= 300) {
      this.#retryAfter = findHeader(rawHeaders, 'retry-after');
    }
    this.#keepBytes = keepBodyBytes ?? (status < 300 ? 0 : KEPT_BYTES);
    if (keepBodyBytes === undefined) this.dueAt = Math.min(this.dueAt, performance.now() + DRAIN_MS);
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (this.done) return true;
    // One byte more than is kept tells whether the last character is whole.
    if (this.#received <= this.#keepBytes && this.#keepBytes > 0) {
      this.#chunks ??= [];
      this.#chunks.push(chunk);
    }
    this.#received += chunk.length;
    if (this.#received > Math.max(DRAINED_BYTES, this.#keepBytes)) this.#answerAndDiscard();
    return true;
  }

  onComplete(): void {
    if (this.done) return;
    const connection = this.#connection as Connection;
    connection.answers += 1;
    this.#request.pool.release(connection);
    // Not before: whoever waited for it is given it while what came with the answer is still being read.
    connection.answeredAt = performance.now();
    this.#answer();
  }

  onError(error: Error): void {
    if (this.done) return;
    const code = codeOf(error);
    if (this.#status !== 0) {
      this.#answerAndDiscard();
    } else if (this.#mayResend(code)) {
      this.#resent = true;
      this.#request.pool.replace(this.#connection as Connection, this);
    } else {
      this.#fail(code, error);
    }
  }

  /** Ends it as called off; a status that is known by then stands. */
  abort(): void {
    this.#end({ kind: 'aborted' });
  }

  /** The deadline passed, or the body took too long and the status has been known for a while. */
  expire(): void {
    this.#end(this.#noAnswer('timeout'));
  }

  get allowance(): number {
    return RECEIVED_BYTES + this.#keepBytes - this.#receivedBytes();
  }

  /** The other side does not come to an end, or not even to a status. */
  overflow(): void {
    this.#end(this.#noAnswer('not_http'));
  }

  /** The connection was kept from an earlier answer, and not a byte of this one came. */
  #mayResend(code: string): boolean {
    if (this.#resent || !CLOSED_BY_PEER.has(code)) return false;
    return (this.#connection as Connection).answers > 0 && this.#receivedBytes() === 0;
  }

  /** Since the request was written; on a new connection, since it was opened. */
  #receivedBytes(): number {
    return this.#written ? (this.#connection?.socket?.bytesRead ?? 0) - this.#bytesReadBefore : 0;
  }

  #fail(code: string, error: Error): void {
    if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') {
      this.#finish();
      this.#discard();
      this.#reject(
        new WaybillError('HTTP_REQUEST_INVALID', `POST to ${this.#request.where}: ${error.message}`),
      );
    } else if (code === ADDRESS_REFUSED) {
      this.#end({ kind: 'unsent', failureClass: 'address', detail: error.message });
    } else {
      // undici itself closes on what it does not want to read, such as 101, before the other side does.
      const refused =
        code === 'UND_ERR_SOCKET' && this.#receivedBytes() > 0 && !this.#connection?.socket?.readableEnded;
      this.#end(this.#noAnswer(refused ? 'not_http' : classifyNetworkError(code), code));
    }
  }

  send(): void {
    if (!this.done) this.#connection?.client.dispatch(this.#request.options, this);
  }

  #noAnswer(failureClass: ReturnType<typeof classifyNetworkError>, code?: string): AttemptResult {
    const { where, timeoutMs } = this.#request;
    const known = { failureClass, where, timeoutMs, connected: this.#written };
    const detail = describeFailure(code === undefined ? known : { ...known, code });
    return { kind: 'no_answer', failureClass, detail };
  }

  #end(result: AttemptResult): void {
    if (this.done) return;
    if (this.#status !== 0) {
      this.#answerAndDiscard();
      return;
    }
    this.#finish();
    this.#discard();
    this.#resolve(result);
  }

  #answerAndDiscard(): void {
    this.#answer();
    this.#discard();
  }

  #answer(): void {
    this.#finish();
    const body = this.#chunks === undefined ? '' : textStart(this.#chunks, this.#keepBytes);
    const answer = { kind: 'answer', status: this.#status, body } as const;
    this.#resolve(this.#retryAfter === undefined ? answer : { ...answer, retryAfter: this.#retryAfter });
  }

  #finish(): void {
    this.done = true;
    this.#request.underWay.delete(this);
  }

  #discard(): void {
    if (this.#connection !== undefined) this.#request.pool.discard(this.#connection);
  }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
