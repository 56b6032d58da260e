const FIRST_BYTES = 1024;
const NONE = new Uint8Array(0);

/** Gathers bytes that come in chunks, each perhaps a single one, in time and memory that grow with their number. */
export class GrowingBytes {
  #bytes: Uint8Array = NONE;
  #size = 0;
  /** Whether `#bytes` is this object's own to write into, and not the one chunk that has come so far. */
  #isOwn = false;

  get size(): number {
    return this.#size;
  }

  add(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.#size === 0) {
      // Most often the only one: it is not copied.
      this.#bytes = chunk;
      this.#isOwn = false;
    } else {
      this.#makeRoom(this.#size + chunk.length);
      this.#bytes.set(chunk, this.#size);
    }
    this.#size += chunk.length;
  }

  /** Takes out what was gathered. */
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
