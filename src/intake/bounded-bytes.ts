/** Gathers the bytes of one piece of input over several chunks, up to a limit. */
export class BoundedBytes {
  readonly #limit: number;
  #parts: Uint8Array[] = [];
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(bytes: Uint8Array): void {
    this.#size += bytes.length;
    // What is too long is not kept: its size alone matters.
    if (this.#size > this.#limit) this.#parts = [];
    else if (bytes.length > 0) this.#parts.push(bytes);
  }

  /** Takes out what was gathered; undefined where it was more than the limit. */
  take(): Uint8Array | undefined {
    const parts = this.#parts;
    const fits = this.#size <= this.#limit;
    this.#parts = [];
    this.#size = 0;
    if (!fits) return undefined;
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }
}
