import type { Answer, AttemptResult } from '../core/attempt-result.ts';
import type { CallOffSignal } from '../core/call-off.ts';
import { classifyNetworkError, type NetworkFailureClass } from '../core/classify-network-error.ts';
import { ADDRESS_REFUSED } from './address-guard.ts';
import type { AfterPoll, Sender } from './after-poll.ts';
import type { AnswerHead } from './answer-head.ts';
import type { Connection, ConnectionUser, Gone } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { describeFailure } from './describe-failure.ts';
import { textStart } from './text-start.ts';
import type { Limited, UnderWay } from './under-way.ts';
import type { RequestBytes } from './write-request.ts';

/** One request, ready to be sent. */
export interface ExchangeRequest {
  readonly pool: ConnectionPool;
  /** host:port, for messages. */
  readonly where: string;
  readonly bytes: RequestBytes;
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
 * More than any answer takes. Interim answers and chunk extensions are neither headers, which have a limit of
 * their own, nor body; without end, they cost a processor until the deadline.
 */
const RECEIVED_BYTES = 1_048_576;

/** How long a known status waits for the end of a body that is of no use; then the connection is closed. */
const DRAIN_MS = 1_000;

/** Errors with which a kept-alive connection ends that the other side closed as we wrote. */
const CLOSED_BY_PEER = new Set(['ECONNRESET', 'EPIPE']);

/** One POST from call to result. One object plays all its parts, since there is one for every event. */
export class Exchange implements ConnectionUser, Limited, Sender {
  done = false;
  dueAt: number;
  readonly #request: ExchangeRequest;
  readonly #resolve: (result: AttemptResult) => void;
  #connection: Connection | undefined;
  #resent = false;
  /** Undefined: the status is not known yet. */
  #head: AnswerHead | undefined;
  #keepBytes = 0;
  #bodyBytes = 0;
  #chunks: Buffer[] | undefined;

  constructor(request: ExchangeRequest, resolve: (result: AttemptResult) => void) {
    this.#request = request;
    this.#resolve = resolve;
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
    if (connection.answers === 0 || connection.hasJustAnswered(performance.now())) this.send();
    // What has come unasked while it was idle is read before the request is written, and ends the connection: or
    // else it would be taken for the answer to this request.
    else this.#request.afterPoll.add(this);
  }

  send(): void {
    const { pool, bytes } = this.#request;
    const connection = this.#connection;
    if (this.done || connection === undefined) return;
    // Behind the rest of a request that was answered before it had left, this one would wait for it.
    if (connection.answers > 0 && connection.unsentBytes > 0) pool.replace(connection, this);
    else connection.write(bytes);
  }

  onHead(head: AnswerHead): void {
    this.#head = head;
    const { keepBodyBytes } = this.#request;
    this.#keepBytes = keepBodyBytes ?? (head.status < 300 ? 0 : KEPT_BYTES);
    if (keepBodyBytes === undefined) this.dueAt = Math.min(this.dueAt, performance.now() + DRAIN_MS);
  }

  onBody(bytes: Buffer, from: number, to: number): void {
    if (this.done) return;
    // One byte more than is kept tells whether the last character is whole.
    const wanted = this.#keepBytes === 0 ? 0 : this.#keepBytes + 1 - this.#bodyBytes;
    if (wanted > 0) {
      this.#chunks ??= [];
      this.#chunks.push(Buffer.from(bytes.subarray(from, Math.min(to, from + wanted))));
    }
    this.#bodyBytes += to - from;
    if (this.#bodyBytes > Math.max(DRAINED_BYTES, this.#keepBytes)) this.#answerAndDiscard();
  }

  onEnd(now: number): void {
    if (this.done) return;
    this.#request.pool.release(this.#connection as Connection, now);
    this.#answer(true);
  }

  onGone(gone: Gone): void {
    if (this.done) return;
    if (this.#head !== undefined) {
      this.#answerAndDiscard();
    } else if (this.#mayResend(gone)) {
      this.#resent = true;
      this.#request.pool.replace(this.#connection as Connection, this);
    } else {
      this.#end(this.#explain(gone));
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
  #mayResend(gone: Gone): boolean {
    if (this.#resent || (this.#connection as Connection).answers === 0 || this.#receivedBytes() > 0)
      return false;
    return gone.kind === 'closed' || (gone.kind === 'error' && CLOSED_BY_PEER.has(codeOf(gone.error)));
  }

  /** Since the request was written. */
  #receivedBytes(): number {
    return this.#connection?.written ? this.#connection.received : 0;
  }

  #explain(gone: Gone): AttemptResult {
    if (gone.kind === 'fault') return this.#noAnswer('not_http', gone.fault);
    if (gone.kind !== 'error') return this.#noAnswer('reset');
    const code = codeOf(gone.error);
    if (code !== ADDRESS_REFUSED) return this.#noAnswer(classifyNetworkError(code), code);
    return { kind: 'unsent', failureClass: 'address', detail: gone.error.message };
  }

  #noAnswer(failureClass: NetworkFailureClass, reason?: string): AttemptResult {
    const { where, timeoutMs } = this.#request;
    const connected = this.#connection?.written ?? false;
    const known = { failureClass, where, timeoutMs, connected };
    const detail = describeFailure(reason === undefined ? known : { ...known, reason });
    return { kind: 'no_answer', failureClass, detail };
  }

  #end(result: AttemptResult): void {
    if (this.done) return;
    if (this.#head !== undefined) {
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
    const head = this.#head as AnswerHead;
    const body = this.#chunks === undefined ? '' : textStart(this.#chunks, this.#keepBytes);
    const answer: Answer = { kind: 'answer', status: head.status, body };
    const isWhole = this.#request.keepBodyBytes !== undefined;
    const kept = isWhole ? { whole: whole(head, this.#chunks ?? [], complete) } : undefined;
    // The headers of a delivery are of no use, and this is on the path of every event.
    this.#resolve(head.status < 300 && !isWhole ? answer : { ...answer, ...headersOf(head), ...kept });
  }

  #finish(): void {
    this.done = true;
    this.#request.underWay.delete(this);
  }

  #discard(): void {
    if (this.#connection !== undefined) this.#request.pool.discard(this.#connection);
  }
}

/** What a failed attempt is judged by, beside its status. */
function headersOf({ status, retryAfter, wwwAuthenticate }: AnswerHead): Partial<Answer> {
  return {
    ...(status >= 300 && retryAfter !== undefined && { retryAfter }),
    ...(status >= 400 && wwwAuthenticate !== undefined && { wwwAuthenticate }),
  };
}

function whole({ contentEncoding, location }: AnswerHead, chunks: readonly Buffer[], complete: boolean) {
  return { bytes: Buffer.concat(chunks), complete, contentEncoding, location };
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
