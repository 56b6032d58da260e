import type { Dispatcher } from 'undici';
import type { Answer, AttemptResult } from '../core/attempt-result.ts';
import type { CallOffSignal } from '../core/call-off.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { ADDRESS_REFUSED } from './address-guard.ts';
import type { Connection, ConnectionUser } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import {
  codeOf,
  describeFailure,
  explainError,
  type FailureReason,
  isClosedByPeer,
  isNotWritable,
  SWITCHED,
} from './describe-failure.ts';
import { textStart } from './text-start.ts';
import type { Limited, UnderWay } from './under-way.ts';

/** One request, ready to be sent. */
export interface ExchangeRequest {
  readonly pool: ConnectionPool;
  /** host:port, for messages. */
  readonly where: string;
  readonly options: Dispatcher.DispatchOptions;
  /** From the call to the last byte of the answer. */
  readonly timeoutMs: number;
  readonly signal: CallOffSignal | undefined;
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

const TIMEOUT: FailureReason = { failureClass: 'timeout' };
const FLOOD: FailureReason = { failureClass: 'not_http' };

/**
 * One POST from call to result, and undici's handler for it: one object, since there is one for every event. It is
 * a handler of undici's legacy form (`onConnect`, `onHeaders`, …), which version 7 has beside the new one
 * (`onRequestStart`, …) and version 8 has not: the new one costs about a tenth of an event more.
 */
export class Exchange implements Dispatcher.DispatchHandler, ConnectionUser, Limited {
  done = false;
  dueAt: number;
  readonly #request: ExchangeRequest;
  readonly #resolve: (result: AttemptResult) => void;
  readonly #reject: (error: Error) => void;
  #connection: Connection | undefined;
  /** Whether the request was written, on the present connection. */
  #written = false;
  /** 0: not known yet. */
  #status = 0;
  /** Names and values in turns; kept only if something is read from them. */
  #headers: readonly Buffer[] | undefined;
  #keepBytes = 0;
  #bodyBytes = 0;
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
    connection.client.dispatch(this.#request.options, this);
  }

  /** The request is about to be written. */
  onConnect(abort: () => void): void {
    const connection = this.#connection as Connection;
    // It would wait for the rest of a request that was answered before it had left: onError takes another connection.
    if (connection.answers > 0 && connection.unsentBytes > 0) {
      abort();
      return;
    }
    this.#written = true;
    connection.expectAnswer();
  }

  onHeaders(status: number, headers: readonly Buffer[]): boolean {
    if (this.done) return true;
    if (status < 200) {
      if (status < 100 || status === 101) this.#end(this.#noAnswer(SWITCHED));
      return true;
    }
    this.#status = status;
    const { keepBodyBytes } = this.#request;
    if (status >= 300 || keepBodyBytes !== undefined) this.#headers = headers;
    this.#keepBytes = keepBodyBytes ?? (status < 300 ? 0 : KEPT_BYTES);
    if (keepBodyBytes === undefined) this.dueAt = Math.min(this.dueAt, performance.now() + DRAIN_MS);
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (this.done) return true;
    // One byte more than is kept tells whether the last character is whole.
    const wanted = this.#keepBytes === 0 ? 0 : this.#keepBytes + 1 - this.#bodyBytes;
    if (wanted > 0) {
      this.#chunks ??= [];
      this.#chunks.push(chunk.subarray(0, wanted));
    }
    this.#bodyBytes += chunk.length;
    if (this.#bodyBytes > Math.max(DRAINED_BYTES, this.#keepBytes)) this.#answerAndDiscard();
    return true;
  }

  onComplete(): void {
    if (this.done) return;
    const connection = this.#connection as Connection;
    connection.noteAnswer();
    this.#request.pool.release(connection);
    this.#answer(true);
  }

  onError(error: Error): void {
    if (this.done) return;
    if (this.#status !== 0) this.#answerAndDiscard();
    else if (this.#mayResend(error)) this.#request.pool.replace(this.#connection as Connection, this);
    else if (isNotWritable(error)) this.#refuse(error);
    else if (codeOf(error) === ADDRESS_REFUSED) {
      this.#end({ kind: 'unsent', failureClass: 'address', detail: error.message });
    } else this.#end(this.#noAnswer(explainError(error)));
  }

  /** Ends it as called off; a status that is known by then stands. */
  abort(): void {
    this.#end({ kind: 'aborted' });
  }

  /** The deadline passed, or the body took too long and the status has been known for a while. */
  expire(): void {
    this.#end(this.#noAnswer(TIMEOUT));
  }

  get allowance(): number {
    return RECEIVED_BYTES + this.#keepBytes - this.#receivedBytes();
  }

  /** The other side does not come to an end, or not even to a status. */
  overflow(): void {
    this.#end(this.#noAnswer(FLOOD));
  }

  /**
   * A connection that was used before failed before the request was written, or was closed before a byte of the
   * answer came. The next one is new, so that nothing is sent three times.
   */
  #mayResend(error: Error): boolean {
    if (this.#connection?.answers === 0 || isNotWritable(error)) return false;
    return !this.#written || (this.#receivedBytes() === 0 && isClosedByPeer(error));
  }

  #receivedBytes(): number {
    return this.#written ? (this.#connection as Connection).received : 0;
  }

  #refuse({ message }: Error): void {
    this.#finish();
    this.#discard();
    this.#reject(new WaybillError('HTTP_REQUEST_INVALID', `request to ${this.#request.where}: ${message}`));
  }

  #noAnswer(why: FailureReason): AttemptResult {
    const { where, timeoutMs } = this.#request;
    const detail = describeFailure({ why, where, timeoutMs, connected: this.#written });
    return { kind: 'no_answer', failureClass: why.failureClass, detail };
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
    this.#answer(false);
    this.#discard();
  }

  #answer(complete: boolean): void {
    this.#finish();
    const body = this.#chunks === undefined ? '' : textStart(this.#chunks, this.#keepBytes);
    const answer: Answer = { kind: 'answer', status: this.#status, body };
    // The headers of a delivery are of no use, and this is on the path of every event.
    this.#resolve(
      this.#headers === undefined ? answer : { ...answer, ...this.#details(this.#headers, complete) },
    );
  }

  /** What a failed attempt is judged by, beside its status, and what a token service's answer is read from. */
  #details(headers: readonly Buffer[], complete: boolean): Partial<Answer> {
    const [retryAfter] = valuesOf(headers, 'retry-after');
    const challenges = valuesOf(headers, 'www-authenticate');
    const whole = () => ({
      bytes: Buffer.concat(this.#chunks ?? []),
      complete,
      contentEncoding: valuesOf(headers, 'content-encoding')[0],
      location: valuesOf(headers, 'location')[0],
    });
    return {
      ...(this.#status >= 300 && retryAfter !== undefined && { retryAfter }),
      ...(this.#status >= 400 && challenges.length > 0 && { wwwAuthenticate: challenges.join(', ') }),
      ...(this.#request.keepBodyBytes !== undefined && { whole: whole() }),
    };
  }

  #finish(): void {
    this.done = true;
    this.#request.underWay.delete(this);
  }

  #discard(): void {
    if (this.#connection !== undefined) this.#request.pool.discard(this.#connection);
  }
}

function valuesOf(headers: readonly Buffer[], name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.length !== name.length || headers[i]?.toString('latin1').toLowerCase() !== name) continue;
    values.push(headers[i + 1]?.toString('latin1').trim() ?? '');
  }
  return values;
}
