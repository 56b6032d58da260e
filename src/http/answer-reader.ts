import { type AnswerFault, type AnswerHead, parseAnswerHead } from './answer-head.ts';
import { ChunkedBody, type TakeBody } from './chunked-body.ts';

/** Who is told what an answer brings, as it comes. */
export interface AnswerTaker {
  onHead(head: AnswerHead): void;
  onBody: TakeBody;
}

/** An answer with a longer head is none. */
const MOST_HEAD_BYTES = 16_384;
const HEAD_END = Buffer.from('\r\n\r\n');
const SWITCHING_PROTOCOLS = 101;
const [CR, LF] = [0x0d, 0x0a];
/** How every head begins; what stands for `x` may differ. */
const HEAD_START = 'HTTP/1.x ';
const VERSION_AT = 7;
/** A line feed without a carriage return before it, one without the other behind it, or a byte that no head holds. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const NOT_IN_HEAD = /[^\r]\n|\r[^\n]|[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/**
 * Reads the answers of one connection, one after the other, in whatever pieces they come. Interim answers (1xx) are
 * read over, 100 Continue as well, though nobody asks for it: a client has to (RFC 9110, section 15.2), and some
 * servers send it to every POST.
 */
export class AnswerReader {
  /** Whether the answer that was begun last is read to its end. */
  done = true;
  #taker: AnswerTaker | undefined;
  /** The present answer's, once it is known. */
  #head: AnswerHead | undefined;
  /** The beginning of a head, where it comes in pieces. */
  #begun: Buffer | undefined;
  /** Bytes of the body that are still to come. */
  #left = 0;
  #chunks: ChunkedBody | undefined;
  /** Most answers of an endpoint have the head of the one before, byte by byte: comparing costs less than parsing. */
  #latestText = '';
  #latestHead: AnswerHead | AnswerFault | undefined;

  readonly #take: TakeBody = (bytes, from, to) => this.#taker?.onBody(bytes, from, to);

  /** What is read from now on is an answer for this taker. */
  begin(taker: AnswerTaker): void {
    this.done = false;
    this.#taker = taker;
    this.#head = undefined;
    this.#begun = undefined;
    this.#chunks = undefined;
  }

  /** Nobody wants the rest. */
  stop(): void {
    this.#taker = undefined;
    this.done = true;
  }

  /**
   * Reads the first `end` of these bytes; returns where it stopped, which is before `end` only where the answer is
   * over, or a fault.
   */
  read(bytes: Buffer, end: number): number | AnswerFault {
    let at = 0;
    while (at < end && !this.done) {
      if (this.#head === undefined) {
        const next = this.#readHead(bytes, at, end);
        if (typeof next !== 'number') return next;
        at = next;
      } else {
        at = this.#readBody(bytes, at, end);
        if (this.#chunks?.fault !== undefined) return { fault: this.#chunks.fault };
      }
    }
    return at;
  }

  /** For how long the connection may be idle after the answer that was read last, in milliseconds; 0: not at all. */
  get idleMs(): number {
    return this.#head?.idleMs ?? 0;
  }

  /** The other side sends no more; returns whether that is how the answer ends. */
  endOfInput(): boolean {
    return !this.done && this.#head?.length === 'until_close';
  }

  #readHead(bytes: Buffer, from: number, end: number): number | AnswerFault {
    if (this.#begun !== undefined) return this.#readOn(bytes, from, end);
    const at = afterEmptyLines(bytes, from, end);
    const found = bytes.indexOf(HEAD_END, at);
    if (found !== -1 && found + HEAD_END.length <= end) {
      const text = bytes.toString('latin1', at, found);
      if (text.length > MOST_HEAD_BYTES) return TOO_LONG;
      return this.#understand(text) ?? found + HEAD_END.length;
    }
    if (at === end) return end;
    this.#begun = Buffer.from(bytes.subarray(at, end));
    return whyNoHead(this.#begun, 0) ?? end;
  }

  /** With what has come before. */
  #readOn(bytes: Buffer, from: number, end: number): number | AnswerFault {
    const before = this.#begun as Buffer;
    const known = before.length;
    // What lies behind the longest head is of no use.
    const all = Buffer.concat([
      before,
      bytes.subarray(from, Math.min(end, from + MOST_HEAD_BYTES + HEAD_END.length)),
    ]);
    const found = all.indexOf(HEAD_END, Math.max(0, known - HEAD_END.length + 1));
    if (found === -1) {
      this.#begun = all;
      return whyNoHead(all, known) ?? end;
    }
    this.#begun = undefined;
    if (found > MOST_HEAD_BYTES) return TOO_LONG;
    return this.#understand(all.toString('latin1', 0, found)) ?? from + found + HEAD_END.length - known;
  }

  #understand(text: string): AnswerFault | undefined {
    if (text !== this.#latestText || this.#latestHead === undefined) {
      this.#latestText = text;
      this.#latestHead = parseAnswerHead(text);
    }
    const head = this.#latestHead;
    if ('fault' in head) return head;
    if (head.status < 200) return head.status === SWITCHING_PROTOCOLS ? SWITCHED : undefined;
    this.#head = head;
    if (head.length === 'chunked') this.#chunks = new ChunkedBody();
    else this.#left = head.length === 'until_close' ? Number.POSITIVE_INFINITY : head.length;
    this.#taker?.onHead(head);
    if (head.length === 0) this.done = true;
    return undefined;
  }

  #readBody(bytes: Buffer, from: number, end: number): number {
    if (this.#chunks !== undefined) {
      const at = this.#chunks.read(bytes, from, end, this.#take);
      if (this.#chunks.over) this.done = true;
      return at;
    }
    const to = Math.min(end, from + this.#left);
    this.#left -= to - from;
    if (this.#left === 0) this.done = true;
    this.#take(bytes, from, to);
    return to;
  }
}

const TOO_LONG: AnswerFault = { fault: 'headers beyond 16 KiB' };
const SWITCHED: AnswerFault = { fault: 'another protocol, which nobody asked for' };

/** A carriage return and a line feed. */
export const EMPTY_LINE_BYTES = 2;

/** Whether this is no more than the line that some servers end a body with, which is nobody's answer. */
export function isEmptyLine(bytes: Buffer, from: number, end: number): boolean {
  return end - from <= EMPTY_LINE_BYTES && afterEmptyLines(bytes, from, end) === end;
}

/** Empty lines before an answer are read over, as a server does before a request (RFC 9112, section 2.2). */
function afterEmptyLines(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && (bytes[at] === CR || bytes[at] === LF)) at += 1;
  return at;
}

/** What is wrong with the beginning of a head, if anything is by now; its first `known` bytes are looked at already. */
function whyNoHead(begun: Buffer, known: number): AnswerFault | undefined {
  // Of the empty line behind the longest head all may have come but the last byte.
  if (begun.length >= MOST_HEAD_BYTES + HEAD_END.length) return TOO_LONG;
  for (let i = known; i < Math.min(begun.length, HEAD_START.length); i += 1) {
    if (i !== VERSION_AT && begun[i] !== HEAD_START.charCodeAt(i))
      return { fault: 'no status line of HTTP/1.1' };
  }
  // The line's end may have come in two pieces.
  const text = begun.toString('latin1', Math.max(0, known - 1));
  return NOT_IN_HEAD.test(text) ? { fault: 'a header that is none' } : undefined;
}
