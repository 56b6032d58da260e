import { GrowingBytes } from './growing-bytes.ts';

/** Gathers the bytes of one piece of input over several chunks, up to a limit. */
export class BoundedBytes {
  readonly #limit: number;
  readonly #bytes = new GrowingBytes();
  #isOver = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(chunk: Uint8Array): void {
    // What is too long is not kept.
    if (this.#isOver) return;
    this.#isOver = this.#bytes.size + chunk.length > this.#limit;
    if (this.#isOver) this.#bytes.take();
    else this.#bytes.add(chunk);
  }

  /** Takes out what was gathered; undefined where it was more than the limit. */
  take(): Uint8Array | undefined {
    const isOver = this.#isOver;
    this.#isOver = false;
    const bytes = this.#bytes.take();
    return isOver ? undefined : bytes;
  }
}
