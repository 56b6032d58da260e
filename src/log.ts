import { writeSync } from 'node:fs';
import { type DestinationStream, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import { stopForLostOutput } from './service/lifecycle.ts';

/** How a log is written. */
export interface LogOptions {
  readonly level: string;
  /** Takes one JSON object a line; `prettyStream` makes them readable for people. */
  readonly destination: DestinationStream;
  /** The number of the worker whose log it is, which then stands in every line. */
  readonly worker?: number | undefined;
}

const BUFFER_LENGTH = 4_096;
const FLUSH_MS = 100;
const STDOUT = 1;
const FULL_PIPE_WAIT_MS = 10;

/**
 * Standard output, written in pieces of 4 KiB and at least ten times a second: a write for each line would cost
 * as much as several requests. What is left is written when the process exits; only a kill -9 loses it.
 * `flush` writes it at once.
 *
 * If it cannot be written (its reader is gone, the disk is full) that is said once on stderr, and the
 * process is asked to stop: its supervisor has to know.
 */
export function bufferedStdout(): DestinationStream & { flush(): void } {
  let text = '';
  let timer: NodeJS.Timeout | undefined;
  let lost = false;
  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const bytes = Buffer.from(text);
    text = '';
    if (lost) return;
    try {
      writeAll(bytes);
    } catch (error) {
      lost = true;
      process.stderr.write(`waybill: the log cannot be written: ${(error as Error).message}\n`);
      stopForLostOutput();
    }
  }
  process.on('exit', flush);
  return {
    flush,
    write(line) {
      text += line;
      if (text.length >= BUFFER_LENGTH) flush();
      else timer ??= setTimeout(flush, FLUSH_MS);
    },
  };
}

/** Waits if a pipe is full: a log line is not dropped because its reader is slow. */
function writeAll(bytes: Buffer): void {
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(STDOUT, bytes, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_WAIT_MS);
    }
  }
}

/** Paths that could carry a secret if a future line were careless. */
const REDACT = ['*.authorization', '*.clientSecret', '*.token', '*.password', '*.key', 'headers'];

/** Causes of causes are told so deep. */
const MOST_CAUSES = 5;

/**
 * What a log line says of an error: nothing but these. ioredis hangs the command on its errors, with all its
 * arguments: events, tokens, a password.
 */
export function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return typeof error === 'string' ? error : typeof error;
  const { name, message, stack, cause } = error;
  const { code } = error as NodeJS.ErrnoException;
  return {
    type: name,
    ...(code === undefined ? {} : { code }),
    message,
    stack,
    ...(cause === undefined || depth === MOST_CAUSES ? {} : { cause: describeError(cause, depth + 1) }),
  };
}

/** Turns JSON lines into lines for people. */
export function prettyStream(destination: NodeJS.WritableStream): NodeJS.WritableStream {
  return pretty({
    destination,
    sync: true,
    ignore: 'name,pid',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  });
}

/** Opens a log. Levels are words, times ISO 8601, so that a line reads by itself. */
export function createLog({ level, destination, worker }: LogOptions): Logger {
  const options = {
    level,
    redact: REDACT,
    serializers: { err: describeError },
    base: { name: 'waybill', pid: process.pid, ...(worker === undefined ? {} : { worker }) },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, destination);
}
