import { createReadStream, type Stats, statSync } from 'node:fs';
import { addAbortSignal, type Readable } from 'node:stream';
import { UsageError } from '../run-command.ts';
import { unpackGzip } from './unpack-gzip.ts';

/** What events are read from. */
export interface EventInput {
  /** Bytes in all, packed if the input is; undefined: not known. */
  readonly size: number | undefined;
  /** Whether somebody has to type the events. */
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
  const stats = statFile(file);
  return {
    size: stats.isFile() ? stats.size : undefined,
    isTerminal: false,
    read: (...args) => readStream(createReadStream(file), ...args),
  };
}

function statFile(file: string): Stats {
  let stats: Stats;
  try {
    stats = statSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(code === 'ENOENT' ? `${file} does not exist` : `${file} cannot be read (${code})`);
  }
  if (stats.isDirectory()) throw new UsageError(`${file} is a directory, and a file is needed`);
  return stats;
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
