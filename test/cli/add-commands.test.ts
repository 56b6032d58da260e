import { Command } from 'commander';
import { expect, test } from 'vitest';
import { addCommands } from '../../src/cli/add-commands.ts';

async function commandsFor(...words: string[]): Promise<string[]> {
  const program = new Command('waybill');
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
  'pause',
  'resume',
  'dead-letters',
  'incidents',
  'report',
  'sandbox',
  'loadtest',
  'key',
  'demo',
];

test.each([
  ['one that is named', ['status', '--json'], ['status']],
  ['also behind options', ['--config', 'here.yaml', 'check'], ['check']],
  ['both of one file', ['resume', 'acme'], ['pause', 'resume']],
  [
    'each that a word can mean, where a client or a file is named like one',
    ['send', 'status'],
    ['send', 'status'],
  ],
  ['all of them for no word', [], ALL],
  ['all of them for a word that is none', ['statsu'], ALL],
  ['all of them for the help', ['--help'], ALL],
  ['all of them for the help about one', ['help', 'status'], ALL],
  ['none for the version', ['--version'], []],
])('%s', async (_name, words, expected) => {
  expect(await commandsFor(...words)).toEqual(expected);
});
