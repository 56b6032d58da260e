import { createReadStream, type Stats, statSync } from 'node:fs';
import { addAbortSignal, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { UsageError } from '../run-command.ts';

/** What events are read from. */
export interface EventInput {
  /** Bytes in all, packed if the input is; undefined: not known. */
  readonly size: number | undefined;
  /** Whether the events are typed. */
  readonly isTerminal: boolean;
  /**
   * The bytes, unpacked if they are gzip data; ends early, without an error, when `signal` says so.
   *
   * @param onRead told how many bytes were read, packed if the input is
   * @throws GzipError
   */
  read(signal: AbortSignal, onRead?: (bytes: number) => void): AsyncGenerator<Uint8Array>;
}

/** Finds a file, or stdin for `-` and for nothing. Reads nothing yet. @throws UsageError */
export function findInput(file: string | undefined): EventInput {
  if (file === undefined || file === '-') {
    const isTerminal = process.stdin.isTTY === true;
    return { size: undefined, isTerminal, read: (...args) => readStream(process.stdin, ...args) };
  }
  let stats: Stats;
  try {
    stats = statSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(code === 'ENOENT' ? `${file} does not exist` : `${file} cannot be read (${code})`);
  }
  if (stats.isDirectory()) throw new UsageError(`${file} is a directory, and a file is needed`);
  return {
    size: stats.isFile() ? stats.size : undefined,
    isTerminal: false,
    read: (...args) => readStream(createReadStream(file), ...args),
  };
}

async function* readStream(
  stream: Readable,
  signal: AbortSignal,
  onRead: (bytes: number) => void = () => {},
): AsyncGenerator<Uint8Array> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for await (const chunk of addAbortSignal(signal, stream)) {
      onRead((chunk as Uint8Array).length);
      yield chunk as Uint8Array;
    }
  }
  try {
    yield* unpackGzip(chunks());
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Gzip data that cannot be unpacked to its end. */
export class GzipError extends Error {
  constructor(cause?: NodeJS.ErrnoException) {
    const what = cause?.code === 'Z_BUF_ERROR' ? 'cut off' : 'damaged';
    super(`the gzip data is ${what}`, { cause });
    this.name = 'GzipError';
  }
}

const MAGIC = [0x1f, 0x8b] as const;
/** Gzip packs at most about a thousand to one: what these bytes unpack to fits into memory. */
const STEP_BYTES = 2 * 1024;

/**
 * Unpacks gzip data (RFC 1952) as it comes, several files in a row too. Any other data goes through as it is.
 *
 * @throws GzipError behind what could be unpacked; the last few KiB before a damage may be missing there
 */
export async function* unpackGzip(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let unpacker: Unpacker | undefined;
  /** The bytes so far, while they are too few to tell. */
  let start: Uint8Array | undefined = new Uint8Array();
  try {
    for await (const chunk of chunks) {
      const bytes: Uint8Array = start === undefined ? chunk : Buffer.concat([start, chunk]);
      const isTold = bytes.length >= MAGIC.length;
      if (isTold && start !== undefined && MAGIC.every((byte, at) => bytes[at] === byte)) {
        unpacker = new Unpacker();
      }
      start = isTold ? undefined : bytes;
      if (isTold) yield* unpacker?.unpack(bytes) ?? [bytes];
    }
    yield* unpacker?.end() ?? [start ?? new Uint8Array()];
  } finally {
    unpacker?.close();
  }
}

/** Node's own unpacker, fed step by step: it unpacks no more than what is read. */
class Unpacker {
  readonly #gunzip = createGunzip();
  readonly #over: Promise<void>;
  #isOver = false;
  #unpacked: Uint8Array[] = [];

  constructor() {
    this.#gunzip.on('data', (bytes: Uint8Array) => this.#unpacked.push(bytes));
    this.#over = new Promise((resolve, reject) => {
      this.#gunzip.once('end', resolve).once('error', (error) => reject(new GzipError(error)));
    });
    // It may fail while nothing awaits it.
    this.#over
      .catch(() => {})
      .finally(() => {
        this.#isOver = true;
      });
  }

  async *unpack(packed: Uint8Array): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < packed.length; at += STEP_BYTES) {
      const step = packed.subarray(at, at + STEP_BYTES);
      // The data may end with zeros, as of a tape; Node has ended at the first of them.
      if (!this.#isOver) yield* this.#during(new Promise((done) => this.#gunzip.write(step, done)));
      else if (step.some((byte) => byte !== 0)) throw new GzipError();
    }
  }

  /** @throws GzipError if the data is not complete */
  end(): AsyncGenerator<Uint8Array> {
    this.#gunzip.end();
    return this.#during(this.#over);
  }

  close(): void {
    this.#gunzip.destroy();
  }

  /** What is unpacked until something is done. @throws GzipError behind it */
  async *#during(done: Promise<unknown>): AsyncGenerator<Uint8Array> {
    let error: unknown;
    await Promise.race([done, this.#over]).catch((thrown: unknown) => {
      error = thrown;
    });
    const unpacked = this.#unpacked;
    this.#unpacked = [];
    yield* unpacked;
    if (error !== undefined) throw error;
  }
}
