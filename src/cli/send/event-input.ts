import { createReadStream, type Stats, statSync } from 'node:fs';
import { addAbortSignal, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { EventType } from '../../core/event-type.ts';
import { generatePayload } from '../../core/generate-payload.ts';
import { seededRandom } from '../../core/random.ts';
import { UsageError } from '../run-command.ts';

/** What events are read from. */
export interface EventInput {
  /** Bytes in all, packed if the input is; undefined: not known. */
  readonly size: number | undefined;
  /** Whether the events are typed. */
  readonly isTerminal: boolean;
  /**
   * The bytes, unpacked if they are gzip data; `signal` ends them without an error. `onRead` is told how many bytes
   * were read, packed if the input is.
   *
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

const SEED = 42;
const SAMPLES_AT_ONCE = 1_000;

/** Sample events as NDJSON: the published one, then others of different units. The same series each time. */
export function sampleInput(type: EventType, count: number): EventInput {
  return {
    size: undefined,
    isTerminal: false,
    async *read(signal) {
      const random = seededRandom(SEED);
      for (let from = 0; from < count && !signal.aborted; from += SAMPLES_AT_ONCE) {
        const length = Math.min(SAMPLES_AT_ONCE, count - from);
        const lines = Array.from({ length }, (_, at) => {
          const payload = from + at === 0 ? type.sample : generatePayload(type, from + at, random);
          return `${JSON.stringify(payload)}\n`;
        });
        yield Buffer.from(lines.join(''));
      }
    },
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
/** Gzip packs at most about a thousand to one: what so many bytes become fits into memory. */
const STEP_BYTES = 2 * 1024;

/**
 * Unpacks gzip data (RFC 1952) as it comes, several files in a row too. Any other data goes through as it is.
 *
 * @throws GzipError behind what could be unpacked; the last few KiB before a damage may be missing there
 */
export async function* unpackGzip(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let unpacker: Unpacker | undefined;
  let head: Uint8Array = new Uint8Array();
  let isTold = false;
  try {
    for await (const chunk of chunks) {
      let bytes = chunk;
      if (!isTold) {
        head = Buffer.concat([head, chunk]);
        if (head.length < MAGIC.length) continue;
        isTold = true;
        bytes = head;
        if (MAGIC.every((byte, at) => head[at] === byte)) unpacker = new Unpacker();
      }
      yield* unpacker?.unpack(bytes) ?? [bytes];
    }
    yield* unpacker?.end() ?? (isTold ? [] : [head]);
  } finally {
    unpacker?.close();
  }
}

/** Node's own unpacker, driven step by step: it unpacks no more than the reader waits for. */
class Unpacker {
  readonly #gunzip = createGunzip();
  #unpacked: Uint8Array[] = [];
  /** Called when the present step is over; a promise for all steps would keep what waits for it. */
  #onStepOver = (): void => {};

  constructor() {
    const onStepOver = (): void => this.#onStepOver();
    this.#gunzip.once('end', onStepOver).once('error', onStepOver);
    this.#gunzip.on('data', (bytes: Uint8Array) => this.#unpacked.push(bytes));
  }

  /** @throws GzipError behind what could be unpacked */
  async *unpack(packed: Uint8Array): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < packed.length; at += STEP_BYTES) {
      const step = packed.subarray(at, at + STEP_BYTES);
      const taken = this.#gunzip.bytesWritten;
      yield* this.#during((done) => this.#gunzip.write(step, done));
      // Zeros may follow, as on a tape. Node ends at the first of them and drops the rest of the step.
      const rest = this.#gunzip.readableEnded ? step.subarray(this.#gunzip.bytesWritten - taken) : [];
      if (rest.some((byte) => byte !== 0)) throw new GzipError();
    }
  }

  /** @throws GzipError if the data is not complete */
  end(): AsyncGenerator<Uint8Array> {
    return this.#during(() => this.#gunzip.end());
  }

  close(): void {
    this.#gunzip.destroy();
  }

  /** Gives what is unpacked until `begin` calls back, or the data ends. @throws GzipError behind it */
  async *#during(begin: (done: () => void) => void): AsyncGenerator<Uint8Array> {
    if (this.#gunzip.readableEnded) return;
    if (!this.#gunzip.errored) {
      await new Promise<void>((resolve) => {
        this.#onStepOver = resolve;
        begin(resolve);
      });
    }
    const unpacked = this.#unpacked;
    this.#unpacked = [];
    yield* unpacked;
    if (this.#gunzip.errored) throw new GzipError(this.#gunzip.errored);
  }
}
