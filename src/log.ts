import { type DestinationStream, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

/** How a log is written. */
export interface LogOptions {
  readonly level: string;
  /** For people at a terminal; otherwise one JSON object a line. */
  readonly pretty: boolean;
  readonly destination: NodeJS.WriteStream | DestinationStream;
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
