import { type DestinationStream, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

/** How a log is written. */
export interface LogOptions {
  readonly level: string;
  /** For people at a terminal; otherwise one JSON object a line. */
  readonly pretty: boolean;
  readonly destination: NodeJS.WriteStream | DestinationStream;
}

const BUFFER_BYTES = 4_096;
const FLUSH_MS = 100;
const STDOUT = 1;

/**
 * Standard output, written in pieces of 4 KiB and at least ten times a second: a write for each line would cost
 * as much as several requests. What is left is written when the process exits; only a kill -9 loses it.
 */
export function bufferedStdout(): DestinationStream {
  const stream = pino.destination({
    dest: STDOUT,
    sync: true,
    minLength: BUFFER_BYTES,
    periodicFlush: FLUSH_MS,
  });
  // Whoever reads may stop reading: there is nobody left to tell.
  stream.on('error', () => process.exit());
  process.on('exit', () => stream.flushSync());
  return stream;
}

/** Paths that could carry a secret if a future line were careless. */
const REDACT = ['*.authorization', '*.clientSecret', '*.token', '*.password', '*.key', 'headers'];

/** Opens a log. Levels are words, times ISO 8601, so that a line reads by itself. */
export function createLog({ level, pretty: forPeople, destination }: LogOptions): Logger {
  const options = {
    level,
    redact: REDACT,
    base: { name: 'waybill', pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (!forPeople) return pino(options, destination);
  return pino(
    options,
    pretty({
      destination,
      sync: true,
      ignore: 'name,pid',
      translateTime: 'SYS:HH:MM:ss.l',
      singleLine: true,
    }),
  );
}
