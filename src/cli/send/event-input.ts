import { createReadStream, type Stats, statSync } from 'node:fs';
import { addAbortSignal, type Readable } from 'node:stream';
import { UsageError } from '../run-command.ts';

/** What events are read from. */
export interface EventInput {
  /** Bytes in all, where that is known. */
  readonly size: number | undefined;
  /** Whether somebody has to type the events. */
  readonly isTerminal: boolean;
  /** The bytes; ends early, without an error, when `signal` says so. */
  read(signal: AbortSignal): AsyncGenerator<Uint8Array>;
}

/** Finds a file, or stdin for `-` and for nothing. Reads nothing yet. @throws UsageError */
export function findInput(file: string | undefined): EventInput {
  if (file === undefined || file === '-') {
    const isTerminal = process.stdin.isTTY === true;
    return { size: undefined, isTerminal, read: (signal) => readStream(process.stdin, signal) };
  }
  const stats = statFile(file);
  return {
    size: stats.isFile() ? stats.size : undefined,
    isTerminal: false,
    read: (signal) => readStream(createReadStream(file), signal),
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

async function* readStream(stream: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of addAbortSignal(signal, stream)) yield chunk as Uint8Array;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
