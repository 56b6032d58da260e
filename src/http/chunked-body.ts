import { isHeader } from './answer-head.ts';

/** Who is handed a body: `bytes` from `from` to before `to`, which are overwritten after the call. */
export type TakeBody = (bytes: Buffer, from: number, to: number) => void;

/** No size is longer, but for zeros in front, which nobody writes. */
const MOST_DIGITS = 13;
const MOST_TRAILER_BYTES = 16_384;
const [TAB, LF, CR, SPACE, SEMICOLON, DELETE] = [0x09, 0x0a, 0x0d, 0x20, 0x3b, 0x7f];

type Where =
  | 'size'
  | 'blanks'
  | 'extension'
  | 'size_end'
  | 'data'
  | 'data_cr'
  | 'data_lf'
  | 'trailer'
  | 'end';

/** Reads a body in chunks (RFC 9112, section 7.1) as its bytes come. Extensions and trailers are read over. */
export class ChunkedBody {
  #where: Where = 'size';
  #digits = 0;
  /** Bytes of the present chunk that are still to come. */
  #left = 0;
  #trailerBytes = 0;
  /** The present line of the trailer, as far as it has come. */
  #line = '';
  #afterCr = false;
  fault: string | undefined;

  get over(): boolean {
    return this.#where === 'end';
  }

  /** Reads on; returns where it stopped, which is before `to` only where the body is over or faulty. */
  read(bytes: Buffer, from: number, to: number, take: TakeBody): number {
    let at = from;
    while (at < to && this.#where !== 'end' && this.fault === undefined) {
      if (this.#where === 'data') at = this.#readData(bytes, at, to, take);
      else if (this.#where === 'extension') at = this.#skipExtension(bytes, at, to);
      else {
        this.#readByte(bytes[at] as number);
        at += 1;
      }
    }
    return at;
  }

  #readData(bytes: Buffer, at: number, to: number, take: TakeBody): number {
    const end = Math.min(to, at + this.#left);
    this.#left -= end - at;
    if (this.#left === 0) this.#where = 'data_cr';
    take(bytes, at, end);
    return end;
  }

  /** To the end of the line. What it says is of no use; a line feed alone would be an end to some readers. */
  #skipExtension(bytes: Buffer, from: number, to: number): number {
    let at = from;
    while (at < to && isText(bytes[at] as number)) at += 1;
    if (at === to) return to;
    if (bytes[at] === CR) this.#where = 'size_end';
    else this.fault = 'a chunk extension that is none';
    return at + 1;
  }

  #readByte(byte: number): void {
    switch (this.#where) {
      case 'size':
        this.#readSize(byte);
        break;
      case 'blanks':
        this.#endSize(byte);
        break;
      case 'size_end':
        this.#expect(byte, LF, this.#left === 0 ? 'trailer' : 'data');
        break;
      case 'data_cr':
        this.#expect(byte, CR, 'data_lf');
        break;
      case 'data_lf':
        this.#digits = 0;
        this.#expect(byte, LF, 'size');
        break;
      default:
        this.#readTrailer(byte);
    }
  }

  #readSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0 && this.#digits < MOST_DIGITS) {
      this.#left = this.#left * 16 + digit;
      this.#digits += 1;
    } else if (this.#digits === 0 || digit >= 0) this.fault = 'a chunk without a size';
    else this.#endSize(byte);
  }

  /** Some servers write blanks up to a fixed width. */
  #endSize(byte: number): void {
    if (byte === CR) this.#where = 'size_end';
    else if (byte === SEMICOLON) this.#where = 'extension';
    else if (byte === SPACE || byte === TAB) this.#where = 'blanks';
    else this.fault = 'a chunk without a size';
  }

  /** Ends with an empty line. */
  #readTrailer(byte: number): void {
    this.#trailerBytes += 1;
    if (this.#trailerBytes > MOST_TRAILER_BYTES) this.fault = 'a trailer beyond 16 KiB';
    else if (this.#afterCr !== (byte === LF)) this.fault = 'a line that does not end as in HTTP';
    else if (byte === CR) this.#afterCr = true;
    else if (byte !== LF) this.#line += String.fromCharCode(byte);
    else if (this.#line === '') this.#where = 'end';
    else if (!isHeader(this.#line)) this.fault = 'a trailer that is none';
    else {
      this.#afterCr = false;
      this.#line = '';
    }
  }

  #expect(byte: number, expected: number, next: Where): void {
    if (byte === expected) this.#where = next;
    else this.fault = 'a chunk that does not end where it should';
  }
}

/** What a line may hold. */
function isText(byte: number): boolean {
  return byte === TAB || (byte >= SPACE && byte !== DELETE);
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
