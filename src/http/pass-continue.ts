/** How the status line of every answer begins; what stands for `x` may differ. */
const BEFORE_STATUS = [...Buffer.from('HTTP/1.x ')];
const VERSION_AT = 7;
const STATUS_AT = BEFORE_STATUS.length;
const STATUS_END = STATUS_AT + 3;
/** No answer is expected, or it is a final one. */
const OFF = -1;
const [ZERO, ONE, TWO, CR, LF] = [0x30, 0x31, 0x32, 0x0d, 0x0a];

/**
 * Works around undici 7.30.2, lib/dispatcher/client-h1.js, line 602 (`statusCode === 100`): undici closes the
 * connection on a 100 Continue that nobody asked for. A client has to read over it (RFC 9110, section 15.2), and
 * some servers send it to every POST: each of their deliveries would count as failed. undici reads over all other
 * interim answers, so it is shown a 102 instead. Delete this file once undici reads over 100 too.
 */
export class PassContinue {
  /** The place of the next byte in the head of an answer. */
  #at = OFF;
  #isHundred = false;
  /** How many bytes of the empty line that ends a head, and of the line break before it, came last. */
  #ended = 0;

  /** An answer begins with the next byte. */
  expectAnswer(): void {
    this.#at = 0;
    this.#ended = 0;
  }

  /** Changes the first `length` bytes, which undici is about to read, where they are such a status. */
  change(bytes: Buffer, length: number): void {
    // Nearly every answer is a final one, and its status line comes in one piece.
    if (this.#at === 0 && length > STATUS_AT && bytes[STATUS_AT] !== ONE) this.#at = OFF;
    for (let i = 0; i < length && this.#at !== OFF; i += 1) {
      const byte = bytes[i] ?? 0;
      if (this.#at >= STATUS_END) this.#lookForEnd(byte);
      else if (!this.#fits(byte)) this.#at = OFF;
      else {
        this.#at += 1;
        if (this.#at === STATUS_END && this.#isHundred) bytes[i] = TWO;
      }
    }
  }

  /** Whether this byte may stand here in the status line of an interim answer. */
  #fits(byte: number): boolean {
    if (this.#at === STATUS_AT) return byte === ONE;
    if (this.#at > STATUS_AT) {
      this.#isHundred = byte === ZERO && (this.#at === STATUS_AT + 1 || this.#isHundred);
      return true;
    }
    return this.#at === VERSION_AT || byte === BEFORE_STATUS[this.#at];
  }

  /** Another answer begins behind an interim one. */
  #lookForEnd(byte: number): void {
    if (byte === (this.#ended % 2 === 0 ? CR : LF)) this.#ended += 1;
    else this.#ended = byte === CR ? 1 : 0;
    if (this.#ended === 4) this.expectAnswer();
  }
}
