#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { endOnCrash, stopForLostOutput } from '../service/lifecycle.ts';
import { VERSION } from '../version.ts';
import { addCommands } from './add-commands.ts';
import { EXIT } from './run-command.ts';
import { Terminal } from './terminal.ts';

endOnCrash();

const program = new Command('waybill')
  .description("Delivers a warehouse's events to its clients' HTTP endpoints.")
  .version(VERSION)
  .option('--config <file>', 'the configuration file', 'waybill.yaml')
  .option('--json', 'print one JSON value on stdout')
  .showHelpAfterError('(add --help for what there is)')
  .configureHelp({ showGlobalOptions: true })
  .exitOverride();

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
  if (error.exitCode !== 0) reportMisuse(error);
}

/** The sentence is on stderr already; machines get it on stdout. The options may not have been read so far. */
function reportMisuse({ code, message }: CommanderError): void {
  const isHelp = code === 'commander.help';
  const sentence = isHelp ? 'a command is missing' : message.replace(/^error: /, '');
  const terminal = new Terminal(process.argv.includes('--json'));
  terminal.value({ error: { code: 'USAGE', message: sentence } });
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
