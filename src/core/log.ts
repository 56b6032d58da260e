/**
 * What takes log lines, each a fixed message with facts as fields; a logger of pino is one. An error among the facts
 * is the field `err`.
 */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** Whether lines of this level (`debug`, `info` …) are written: costly ones are not made otherwise. */
  isLevelEnabled(level: string): boolean;
}

const SHOWN_NAMES = 5;

/** Whom a line is about: a client, or the first few of several and their count. */
export function whom(names: Iterable<string>): { client: string } | { clients: string[]; count: number } {
  const all = [...new Set(names)];
  const [client = ''] = all;
  return all.length <= 1 ? { client } : { clients: all.slice(0, SHOWN_NAMES), count: all.length };
}
