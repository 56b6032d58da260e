import { Command } from 'commander';
import { expect, test } from 'vitest';
import { addCommands } from '../../src/cli/add-commands.ts';

function testProgram(): Command {
  return new Command('waybill')
    .version('1.2.3')
    .option('--config <file>')
    .option('--json')
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} });
}

async function commandsFor(...words: string[]): Promise<string[]> {
  const program = testProgram();
  await addCommands(program, words);
  return program.commands.map((command) => command.name());
}

const ALL = [
  'init',
  'check',
  'start',
  'send',
  'status',
  'event',
  'events',
  'pause',
  'resume',
  'pace',
  'dead-letters',
  'audit',
  'incidents',
  'report',
  'sandbox',
  'loadtest',
  'key',
  'docs',
  'demo',
];

test.each([
  ['one that is named', ['status', '--json'], ['status']],
  ['also behind options', ['--json', '--config', 'here.yaml', 'check'], ['check']],
  ['of two in one file the one that is named', ['resume', 'acme'], ['resume']],
  ['only that, where a client or a file is named like another', ['send', 'status', 'help'], ['send']],
  ['all of them for no word', [], ALL],
  ['all of them for a word that is none', ['statsu'], ALL],
  ['all of them for a word that is none before one that is', ['statsu', 'start'], ALL],
  ['all of them for a configuration that is named like one', ['--config', 'start'], ALL],
  ['all of them for the help', ['--help'], ALL],
  ['all of them for the help, whatever follows', ['--help', 'start'], ALL],
  ['all of them for the help about one', ['help', 'status'], ALL],
])('%s', async (_name, words, expected) => {
  expect(await commandsFor(...words)).toEqual(expected);
});

test.each([
  ['the version', ['--version'], 'commander.version'],
  ['a missing value', ['status', '--config'], 'commander.optionMissingArgument'],
])('none for %s, which ends the program', async (_name, words, code) => {
  const program = testProgram();
  await expect(addCommands(program, words)).rejects.toMatchObject({ code });
  expect(program.commands).toEqual([]);
});
