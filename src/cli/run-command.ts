import { WaybillError } from '../core/waybill-error.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { createTerminal, type Terminal } from './terminal.ts';

/** What every command is given on the command line. */
export interface GlobalOptions {
  readonly config: string;
  readonly json?: boolean;
}

/** Runs a command's action: it returns its exit code, or fails with an error that becomes a sentence. */
export async function runCommand(
  options: GlobalOptions,
  action: (terminal: Terminal) => Promise<number>,
): Promise<void> {
  const terminal = createTerminal(options.json === true);
  try {
    process.exitCode = await action(terminal);
  } catch (error) {
    process.exitCode = reportError(error, terminal);
  }
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

/** Misuse of a command: exit code 2. */
export class UsageError extends WaybillError {
  constructor(message: string) {
    super('USAGE', message);
    this.name = 'UsageError';
  }
}
