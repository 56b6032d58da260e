/** A step of reading: it yields for the next chunk, and gets undefined once the input is over. */
export type Reading<Result = void> = Generator<undefined, Result, Uint8Array | undefined>;

export const LINE_FEED = 0x0a;
const NONE = new Uint8Array(0);

/** The bytes of the input that are not split yet. Time and memory grow with their number, not with that of chunks. */
export class UnreadBytes {
  bytes: Uint8Array = NONE;
  /** The line in which the bytes begin, from 1. */
  line: number;
  /** Whether the end of the line is the end of what can be read. */
  isLine = false;
  #isOver = false;
  /** Holds joined chunks. A byte in it is written once: what was taken out stays as it is. */
  #joined: Uint8Array = NONE;

  constructor(line = 1) {
    this.line = line;
  }

  /** Waits for a byte. Undefined: the input, or the line, ends before it. */
  *at(index: number): Reading<number | undefined> {
    while (index >= this.bytes.length) {
      const chunk = this.#isOver ? undefined : yield;
      this.#isOver = chunk === undefined;
      if (chunk === undefined) return undefined;
      this.#append(chunk);
    }
    const byte = this.bytes[index];
    return this.isLine && byte === LINE_FEED ? undefined : byte;
  }

  /** Takes bytes out of the input. The caller counts their lines. */
  take(length: number): Uint8Array {
    const taken = this.bytes.subarray(0, length);
    this.bytes = this.bytes.subarray(length);
    return taken;
  }

  /** Takes out as many bytes as are to be skipped. @returns the byte behind them */
  *skip(isSkipped: (byte: number) => boolean): Reading<number | undefined> {
    for (;;) {
      const byte = yield* this.at(0);
      if (byte === undefined || !isSkipped(byte)) return byte;
      this.take(this.#startLength(isSkipped));
    }
  }

  /** The number of known bytes that are to be skipped; counts their lines. */
  #startLength(isSkipped: (byte: number) => boolean): number {
    let length = 0;
    for (const byte of this.bytes) {
      if (!isSkipped(byte) || (byte === LINE_FEED && this.isLine)) break;
      if (byte === LINE_FEED) this.line += 1;
      length += 1;
    }
    return length;
  }

  /** The number of bytes up to the end of the line; undefined: there are more than `most`. */
  *lineLength(most: number): Reading<number | undefined> {
    for (let known = 0; ; ) {
      const end = this.bytes.indexOf(LINE_FEED, known);
      known = end === -1 ? this.bytes.length : end;
      if (known > most) return undefined;
      if (end !== -1 || (yield* this.at(known)) === undefined) return known;
    }
  }

  #append(chunk: Uint8Array): void {
    const { bytes } = this;
    if (bytes.length === 0) {
      // Most often a chunk ends with its last payload: do not copy it.
      this.bytes = chunk;
      return;
    }
    const size = bytes.length + chunk.length;
    let start = bytes.byteOffset;
    if (bytes.buffer !== this.#joined.buffer || start + size > this.#joined.length) {
      this.#joined = new Uint8Array(2 * size);
      this.#joined.set(bytes);
      start = 0;
    }
    this.#joined.set(chunk, start + bytes.length);
    this.bytes = this.#joined.subarray(start, start + size);
  }
}
