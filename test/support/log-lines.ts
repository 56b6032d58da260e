import { Writable } from 'node:stream';
import { ChangeSignal } from '../../src/sandbox/change-signal.ts';

/** One line of a JSON log; a line that is no JSON object stands in `unparsed`. */
export type LogLine = Readonly<Record<string, unknown>>;

/** What to wait for: a line's fixed message, or a test of the whole line. */
export type LineMatch = string | ((line: LogLine) => boolean);

/** A log that a test reads. */
export interface LogLines {
  /** What the logger writes to. */
  readonly stream: Writable;
  /** All lines so far. */
  readonly lines: readonly LogLine[];
  /** All lines so far that match. */
  matching(match: LineMatch): readonly LogLine[];
  /** The first line that matches, from the start of the log; rejects after a minute unless told otherwise. */
  waitForLine(match: LineMatch, options?: { readonly timeoutMs?: number }): Promise<LogLine>;
  /** Ends all waits with this error. */
  fail(error: Error): void;
}

/** Much of it is spent on starting processes where a machine is busy. */
const WAIT_MS = 60_000;
const TOLD_LINES = 20;

/** Makes an empty log. `name` stands in the errors of waits that end in vain. */
export function captureLogLines(name = 'the log'): LogLines {
  const lines: LogLine[] = [];
  const signal = new ChangeSignal();
  let rest = '';
  const stream = new Writable({
    decodeStrings: false,
    defaultEncoding: 'utf8',
    write: (chunk: Buffer | string, _encoding, done) => {
      const parts = (rest + chunk.toString()).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) if (part !== '') lines.push(parseLine(part));
      signal.changed();
      done();
    },
  });
  return {
    stream,
    lines,
    matching: (match) => lines.filter(matcher(match)),
    waitForLine: async (match, { timeoutMs = WAIT_MS } = {}) => {
      const matches = matcher(match);
      let next = 0;
      let found: LogLine | undefined;
      const look = (): boolean => {
        for (; found === undefined && next < lines.length; next += 1) {
          const line = lines[next];
          if (line !== undefined && matches(line)) found = line;
        }
        return found !== undefined;
      };
      const sought = typeof match === 'string' ? `"${match}"` : 'a line';
      await signal.until(
        look,
        timeoutMs,
        () => `waited ${timeoutMs} ms for ${sought} in ${name}; ${tail(lines)}`,
      );
      return found as LogLine;
    },
    fail: signal.fail,
  };
}

function matcher(match: LineMatch): (line: LogLine) => boolean {
  return typeof match === 'string' ? (line) => line.msg === match : match;
}

function parseLine(text: string): LogLine {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return parsed as LogLine;
  } catch {
    // Not every line of a process is a log line.
  }
  return { unparsed: text };
}

function tail(lines: readonly LogLine[]): string {
  const last = lines.slice(-TOLD_LINES).map((line) => `\n  ${JSON.stringify(line)}`);
  return `it has ${lines.length} lines${last.length > 0 ? ', at the end:' : ''}${last.join('')}`;
}
