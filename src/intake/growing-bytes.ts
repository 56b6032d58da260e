const FIRST_BYTES = 1024;
const NONE = new Uint8Array(0);

/** Joins chunks of bytes. Time and memory grow with the number of bytes, not with that of chunks. */
export class GrowingBytes {
  #bytes: Uint8Array = NONE;
  #size = 0;
  /** Whether `#bytes` is a buffer of this object. If not, it is the only chunk so far, and must not be written to. */
  #isOwn = false;

  get size(): number {
    return this.#size;
  }

  add(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.#size === 0) {
      // Most often it is the only chunk: do not copy it.
      this.#bytes = chunk;
      this.#isOwn = false;
    } else {
      this.#makeRoom(this.#size + chunk.length);
      this.#bytes.set(chunk, this.#size);
    }
    this.#size += chunk.length;
  }

  /** Removes and returns the bytes. */
  take(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#size);
    this.#bytes = NONE;
    this.#size = 0;
    return bytes;
  }

  #makeRoom(size: number): void {
    if (this.#isOwn && size <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.#size, FIRST_BYTES));
    larger.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = larger;
    this.#isOwn = true;
  }
}
