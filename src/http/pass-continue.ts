import type { Socket } from 'node:net';

/** How the status line of every answer begins; what stands for `x` may differ. */
const BEFORE_STATUS = [...Buffer.from('HTTP/1.x ')];
const STATUS_AT = BEFORE_STATUS.length;
const STATUS_END = STATUS_AT + 3;
const VERSION_AT = 7;
/** No answer is waited for, or it is a final one. */
const OFF = -1;
const [ZERO, ONE, TWO, CR, LF] = [0x30, 0x31, 0x32, 0x0d, 0x0a];

/**
 * Lets an answer begin with 100 Continue, though nobody asked for it: a client has to be able to read interim
 * answers that it does not expect (RFC 9110, 15.2), and some servers send this one to every POST. undici reads over
 * all of them but this, on which it closes the connection: the event would be taken for undelivered, though it was
 * not, and be sent six times. So 100 is handed to undici as 102, which means as little to it.
 */
export class PassContinue {
  /** The place of the next byte in the head of an answer. */
  #at = OFF;
  #hundred = false;
  /** So many bytes of the empty line that ends a head, and of the line before it, are read. */
  #ended = 0;

  /** Looks at all that is read from this socket from now on. */
  constructor(socket: Socket) {
    const read = socket.read.bind(socket);
    // undici takes what comes by this method alone.
    socket.read = (size) => {
      const chunk = read(size);
      if (this.#at !== OFF && chunk !== null) this.#look(chunk);
      return chunk;
    };
  }

  /** What comes next is the beginning of an answer. */
  expectAnswer(): void {
    this.#at = 0;
  }

  #look(chunk: Buffer): void {
    // Nearly every answer is a final one, and its status line comes in one piece.
    if (this.#at === 0 && chunk.length > STATUS_AT && chunk[STATUS_AT] !== ONE) this.#at = OFF;
    for (let i = 0; i < chunk.length && this.#at !== OFF; i += 1) {
      const byte = chunk[i] ?? 0;
      if (this.#at >= STATUS_END) this.#lookForEnd(byte);
      else if (!this.#fits(byte)) this.#at = OFF;
      else {
        this.#at += 1;
        if (this.#at === STATUS_END && this.#hundred) chunk[i] = TWO;
      }
    }
  }

  /** Whether this byte may stand here in the status line of an interim answer. */
  #fits(byte: number): boolean {
    if (this.#at === STATUS_AT) return byte === ONE;
    if (this.#at > STATUS_AT) {
      this.#hundred = byte === ZERO && (this.#at === STATUS_AT + 1 || this.#hundred);
      return true;
    }
    return this.#at === VERSION_AT || byte === BEFORE_STATUS[this.#at];
  }

  /** Behind an interim answer comes the next one. */
  #lookForEnd(byte: number): void {
    if (byte === (this.#ended % 2 === 0 ? CR : LF)) this.#ended += 1;
    else this.#ended = byte === CR ? 1 : 0;
    if (this.#ended < 4) return;
    this.#ended = 0;
    this.#at = 0;
  }
}
