import type { Command } from 'commander';
import { WaybillError } from '../core/waybill-error.ts';
import { Terminal } from './terminal.ts';

/** Exit codes of every command; stable, and documented in README.md. */
export const EXIT = {
  done: 0,
  unexpected: 1,
  usage: 2,
  someFailed: 3,
  redisUnavailable: 4,
  interrupted: 130,
} as const;

/** Error codes that are the user's to mend. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'CONFIG_INVALID',
  'USAGE',
  'AUTH_CONFIG_INVALID',
  'TLS_SETTINGS_INVALID',
  'HTTP_LISTEN_FAILED',
  'METRICS_LISTEN_FAILED',
]);

/** The exit code of a command that ended with an error. */
export function exitCodeOf(code: string): number {
  if (USAGE_CODES.has(code)) return EXIT.usage;
  if (code.startsWith('MAIL_')) return EXIT.someFailed;
  return code.startsWith('REDIS_') ? EXIT.redisUnavailable : EXIT.unexpected;
}

/** Misuse of a command: exit code 2. */
export class UsageError extends WaybillError {
  constructor(message: string) {
    super('USAGE', message);
    this.name = 'UsageError';
  }
}

/** What every command is given on the command line. */
export interface GlobalOptions {
  readonly config: string;
  readonly json?: boolean;
}

/** Makes what commander calls for a command. `action` returns the exit code; its errors become a sentence. */
export function commandAction<Options extends GlobalOptions, Words extends readonly unknown[]>(
  action: (terminal: Terminal, options: Options, ...words: Words) => Promise<number>,
): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    // Commander passes the command's arguments, its own options, and the command.
    const words = given.slice(0, -2) as unknown as Words;
    const options = (given.at(-1) as Command).optsWithGlobals<Options>();
    const terminal = new Terminal(options.json === true);
    try {
      process.exitCode = await action(terminal, options, ...words);
    } catch (error) {
      process.exitCode = reportError(error, terminal);
    }
  };
}

function reportError(error: unknown, terminal: Terminal): number {
  if (!(error instanceof WaybillError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    terminal.value({ error: { code: 'UNEXPECTED', message: error instanceof Error ? error.message : text } });
    terminal.note(`waybill: ${text}`);
    return EXIT.unexpected;
  }
  const problems = 'problems' in error ? { problems: error.problems } : {};
  terminal.value({ error: { code: error.code, message: error.message, ...problems } });
  terminal.note(`waybill: ${error.message}`);
  return exitCodeOf(error.code);
}

/** Runs work that the first SIGINT or SIGTERM asks to end, by `signal`; a second one ends the process. */
export async function untilInterrupted<Value>(
  action: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const stopping = new AbortController();
  const onSignal = (): void => stopping.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    return await action(stopping.signal);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}
