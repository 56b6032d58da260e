import type { Dispatcher } from 'undici';
import type { Answer, AttemptResult } from '../core/attempt-result.ts';
import type { CallOffSignal } from '../core/call-off.ts';
import type { RepeatCause } from '../core/repeats.ts';
import { WaybillError } from '../core/waybill-error.ts';
import type { Connection } from './connection.ts';
import type { ConnectionPool, ConnectionUser } from './connection-pool.ts';
import * as failure from './describe-failure.ts';
import { describeWait, explainLate, explainUnsent } from './explain-unsent.ts';
import { AnswerHeaders, isWebPage, readAnswer } from './read-answer.ts';
import { noteDate, wasHandshaking } from './tls-failure.ts';
import type { EndReason, Limited, UnderWay } from './under-way.ts';

/** One request. */
export interface HttpRequest {
  readonly url: string;
  /** Default: POST. */
  readonly method?: 'POST' | 'GET' | 'PUT' | undefined;
  /** Header names and values in turns; `host`, `connection` and `content-length` are added. */
  readonly headers: readonly string[];
  /** Further headers, asked for each time that the request is about to be sent. */
  readonly sign?: (() => readonly string[]) | undefined;
  /** null: none, as a GET has it. */
  readonly body: string | null;
  /** From the call to the last byte of the answer; default: that of the options. */
  readonly timeoutMs?: number;
  /** How much of the body is kept, whatever the status. Default: 2 KiB, nothing of a 2xx; its end has 1 s to come. */
  readonly keepBodyBytes?: number;
}

/** A URL taken apart, and the connections to its origin. */
export interface Target {
  readonly pool: ConnectionPool;
  readonly path: string;
  /** host:port, and the proxy in between. */
  readonly where: string;
  /** For a request that does not say otherwise. */
  readonly timeoutMs: number;
  /** Where each request stands until it is done. */
  readonly underWay: UnderWay;
  /** Why nothing is sent there. */
  readonly refusal: AttemptResult | undefined;
}

/** What is kept of the body of an answer that is not a 2xx. */
const KEPT_BYTES = 2_048;
/** What is kept of a packed one: enough for as much text, however badly it was packed. */
const PACKED_BYTES = 8_192;
/** A longer body is not worth reading to its end: a new connection costs less. */
const DRAINED_BYTES = 65_536;
/** More than any answer takes; undici bounds neither interim answers nor reason phrases nor chunk extensions. */
const RECEIVED_BYTES = 1_048_576;
/** How long a known status waits for the end of a body that is of no use; then the connection is closed. */
const DRAIN_MS = 1_000;

type Resolve = (result: AttemptResult | Promise<AttemptResult>) => void;

/**
 * One request from call to result, and undici's handler for it. It is a handler of undici's legacy form (`onConnect`,
 * `onHeaders`, …), which version 8 has not: the new one (`onRequestStart`, …) costs about a tenth of an event more.
 */
export class Exchange implements Dispatcher.DispatchHandler, ConnectionUser, Limited {
  done = false;
  dueAt: number;
  place = 0;
  readonly signal: CallOffSignal | undefined;
  readonly #request: HttpRequest;
  readonly #target: Target;
  readonly #timeoutMs: number;
  readonly #resolve: Resolve;
  #connection: Connection | undefined;
  /** Whether the request was written, on the present connection. */
  #written = false;
  #repeats: RepeatCause[] | undefined;
  /** 0: not known yet. */
  #status = 0;
  /** Kept only if something is read from them. */
  #headers: AnswerHeaders | undefined;
  /** How much of the body is kept as it comes. */
  #keepBytes = 0;
  #bodyBytes = 0;
  #isWebPage = false;
  #chunks: Buffer[] | undefined;

  constructor(request: HttpRequest, target: Target, signal: CallOffSignal | undefined, resolve: Resolve) {
    this.#request = request;
    this.#target = target;
    this.signal = signal;
    this.#resolve = resolve;
    this.#timeoutMs = request.timeoutMs ?? target.timeoutMs;
    this.dueAt = performance.now() + this.#timeoutMs;
  }

  start(): void {
    this.#target.underWay.add(this);
    this.#target.pool.acquire(this);
  }

  begin(connection: Connection): void {
    this.#connection = connection;
    this.#written = false;
    const { method = 'POST', headers: given, body, sign } = this.#request;
    // undici only reads the headers; its type does not say so.
    const headers = sign === undefined ? (given as string[]) : [...given, ...sign()];
    connection.client.dispatch({ path: this.#target.path, method, headers, body }, this);
  }

  /** The request is about to be written; it may have been called off while it waited for its connection. */
  onConnect(abort: () => void): void {
    const connection = this.#connection as Connection;
    if (this.signal?.aborted) this.end('aborted');
    // The rest of a request that was answered early would go first: onError takes a new connection instead.
    this.#written = !this.done && (connection.answers === 0 || connection.unsentBytes === 0);
    if (this.#written) connection.expectAnswer();
    else abort();
  }

  onHeaders(status: number, headers: Buffer[]): boolean {
    if (this.done) return true;
    if (status < 200) {
      if (status < 100 || status === 101) this.#end(this.#noAnswer(failure.notHttp(`status ${status}`)));
      return true;
    }
    this.#status = status;
    if (this.#connection?.answers === 0) noteDate(this.#target.where, headers);
    const { keepBodyBytes } = this.#request;
    this.#isWebPage = status < 300 && isWebPage(headers);
    if (status >= 300 || keepBodyBytes !== undefined) {
      this.#headers = new AnswerHeaders(headers);
      this.#keepBytes = keepBodyBytes ?? (this.#headers.coding === undefined ? KEPT_BYTES : PACKED_BYTES);
    }
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
    if (this.#bodyBytes > Math.max(DRAINED_BYTES, this.#keepBytes)) this.end('flood');
    return true;
  }

  onComplete(): void {
    if (this.done) return;
    const connection = this.#connection as Connection;
    connection.noteAnswer();
    this.done = true;
    this.#target.underWay.delete(this);
    this.#target.pool.release(connection);
    this.#give(this.#answer(true));
  }

  onError(error: Error): void {
    if (this.done) return;
    const { pool, where } = this.#target;
    if (failure.isNotWritable(error)) {
      const why = `request to ${where}: ${error.message}`;
      this.#end(Promise.reject(new WaybillError('HTTP_REQUEST_INVALID', why)));
    } else if (this.#mayResend(error)) {
      this.#noteRepeat('resent');
      pool.replace(this.#connection as Connection, this);
    } else {
      const unsent = explainUnsent(error, where);
      this.#end(unsent ?? this.#noAnswer(failure.explainError(error, this.#connection?.latest), error));
    }
  }

  end(why: EndReason): void {
    const wait = this.#connection?.waitsFor;
    if (why === 'aborted') {
      this.#noteRepeat('called_off');
      this.#end({ kind: 'aborted', ...(wait && { waitedFor: describeWait(wait) }) });
    } else if (wait !== undefined) this.#end(explainLate(wait, this.#timeoutMs));
    else this.#end(this.#noAnswer({ failureClass: why === 'flood' ? 'not_http' : 'timeout' }));
  }

  get allowance(): number {
    return RECEIVED_BYTES + this.#keepBytes - (this.#connection?.received ?? 0);
  }

  /** A kept connection failed before the request was written, or was closed before a byte of its answer. */
  #mayResend(error: Error): boolean {
    const { answers = 0, received = 0 } = this.#connection ?? {};
    return answers > 0 && (!this.#written || (received === 0 && failure.isClosedByPeer(error)));
  }

  #noAnswer(why: failure.FailureReason, error?: Error): AttemptResult {
    const isHandshake = error === undefined ? this.#connection?.isHandshaking : wasHandshaking(error);
    const stage = this.#written ? 'written' : isHandshake ? 'handshake' : 'connecting';
    const detail = failure.describeFailure(why, this.#target.where, this.#timeoutMs, stage);
    return { kind: 'no_answer', failureClass: why.failureClass, detail };
  }

  /** Gives up the connection; a status that is known by then is the result instead. */
  #end(result: AttemptResult | Promise<AttemptResult>): void {
    if (this.done) return;
    this.done = true;
    this.#target.underWay.delete(this);
    if (this.#connection !== undefined) this.#target.pool.discard(this.#connection);
    this.#give(this.#status === 0 ? result : this.#answer(false));
  }

  /** The request is sent again without an answer; if it was written, it may have arrived. */
  #noteRepeat(cause: RepeatCause): void {
    if (this.#written && this.#status === 0) this.#repeats = [...(this.#repeats ?? []), cause];
  }

  #give(result: AttemptResult | Promise<AttemptResult>): void {
    const repeats = this.#repeats;
    if (repeats === undefined) this.#resolve(result);
    else this.#resolve(Promise.resolve(result).then((known) => ({ ...known, repeats })));
  }

  #answer(complete: boolean): Answer | Promise<Answer> {
    const status = this.#status;
    // Nothing else is kept of a delivery, which is the path of every event.
    if (this.#headers === undefined) {
      return this.#isWebPage
        ? { kind: 'answer', status, body: '', isWebPage: true }
        : { kind: 'answer', status, body: '' };
    }
    const bytes = Buffer.concat(this.#chunks ?? []);
    const { keepBodyBytes } = this.#request;
    return readAnswer({
      ...{ status, headers: this.#headers, isWebPage: this.#isWebPage, bytes, complete },
      keepBytes: keepBodyBytes ?? KEPT_BYTES,
      isWhole: keepBodyBytes !== undefined,
    });
  }
}
