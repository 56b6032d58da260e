#!/usr/bin/env node
import { CommanderError } from 'commander';
import { endOnCrash, stopForLostOutput } from '../service/lifecycle.ts';
import { addCommands, createProgram } from './add-commands.ts';
import { describeMisuse } from './misuse.ts';
import { EXIT } from './run-command.ts';
import { Terminal } from './terminal.ts';

endOnCrash();

const program = createProgram();
let isTold = false;

// A reader of the output may stop reading, as `head` does; a full disk is another matter.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') tellFullDisk(error);
  // A command that has to clean up listens for it.
  if (!stopForLostOutput()) process.exit(EXIT.done);
});

try {
  await addCommands(program, process.argv.slice(2));
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error.exitCode !== 0) reportMisuse(describeMisuse(program, error));
}

/** The options may not have been read so far. */
function reportMisuse(message: string): void {
  const terminal = new Terminal(process.argv.includes('--json'));
  terminal.value({ error: { code: 'USAGE', message } });
  terminal.note(`waybill: ${message}`);
}

/** Says it once, and lets the process end as one that failed. */
function tellFullDisk({ message }: Error): void {
  if (isTold) return;
  isTold = true;
  process.stderr.write(`waybill: the output cannot be written: ${message}\n`);
  process.once('exit', () => {
    process.exitCode ||= EXIT.unexpected;
  });
}
