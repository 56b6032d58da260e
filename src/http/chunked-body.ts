/** Who is handed a body: `bytes` from `from` to before `to`, which are overwritten after the call. */
export type TakeBody = (bytes: Buffer, from: number, to: number) => void;

/** No size is longer, but for zeros in front, which nobody writes. */
const MOST_DIGITS = 13;
const MOST_TRAILER_BYTES = 16_384;
const [CR, LF] = [0x0d, 0x0a];

type Where = 'size' | 'extension' | 'size_end' | 'data' | 'data_cr' | 'data_lf' | 'trailer' | 'end';

/** Reads a body in chunks (RFC 9112, section 7.1) as its bytes come. Extensions and trailers are read over. */
export class ChunkedBody {
  #where: Where = 'size';
  #digits = 0;
  /** Bytes of the present chunk that are still to come. */
  #left = 0;
  #trailerBytes = 0;
  /** Bytes of the present line of the trailer. */
  #lineBytes = 0;
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

  /** To the end of the line. */
  #skipExtension(bytes: Buffer, at: number, to: number): number {
    const found = bytes.indexOf(CR, at);
    if (found === -1 || found >= to) return to;
    this.#where = 'size_end';
    return found + 1;
  }

  #readByte(byte: number): void {
    switch (this.#where) {
      case 'size':
        this.#readSize(byte);
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
    else if (byte === CR) this.#where = 'size_end';
    else if (byte === 0x3b || byte === 0x20 || byte === 0x09) this.#where = 'extension';
    else this.fault = 'a chunk without a size';
  }

  /** Ends with an empty line. */
  #readTrailer(byte: number): void {
    this.#trailerBytes += 1;
    if (this.#trailerBytes > MOST_TRAILER_BYTES) this.fault = 'a trailer beyond 16 KiB';
    else if (this.#afterCr !== (byte === LF)) this.fault = 'a line that does not end as in HTTP';
    else if (byte === CR) this.#afterCr = true;
    else if (byte !== LF) this.#lineBytes += 1;
    else if (this.#lineBytes === 0) this.#where = 'end';
    else {
      this.#afterCr = false;
      this.#lineBytes = 0;
    }
  }

  #expect(byte: number, expected: number, next: Where): void {
    if (byte === expected) this.#where = next;
    else this.fault = 'a chunk that does not end where it should';
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
