import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { addCommands, createProgram } from '../../src/cli/add-commands.ts';

/** The program with all its commands, which do nothing but tell that they were reached. */
async function testProgram() {
  const shown: string[] = [];
  const reached: string[] = [];
  const program = createProgram().configureOutput({
    writeOut: (text) => shown.push(text),
    getOutHelpWidth: () => 80,
  });
  await addCommands(program, []);
  const commands = new Map<string, Command>([['', program]]);
  for (const command of program.commands) {
    commands.set(command.name(), command);
    for (const each of command.commands) commands.set(`${command.name()} ${each.name()}`, each);
  }
  for (const [path, command] of commands) {
    if (command.commands.length === 0) command.action(() => void reached.push(path));
  }
  return { program, commands, shown, reached };
}

async function helpOf(path: string): Promise<string> {
  const { program, shown } = await testProgram();
  const words = path.split(' ').filter((word) => word !== '');
  await expect(program.parseAsync([...words, '--help'], { from: 'user' })).rejects.toMatchObject({
    code: 'commander.helpDisplayed',
  });
  return shown.join('');
}

const PATHS = [...(await testProgram()).commands.keys()];

test.each(PATHS)('the help of "%s" has two examples that the program takes, in 80 columns', async (path) => {
  const help = await helpOf(path);
  expect(help.split('\n').filter((line) => line.length > 80)).toEqual([]);
  const [, text = ''] = help.split('\nExamples:\n');
  const examples = text.match(/^ {2}waybill .*$/gm) ?? [];
  expect(examples).toHaveLength(2);
  for (const example of examples) {
    const words = example.match(/'[^']*'|[^\s']+/g) ?? [];
    const { program, reached } = await testProgram();
    await program.parseAsync(
      words.slice(1).map((word) => word.replace(/^'(.*)'$/, '$1')),
      { from: 'user' },
    );
    expect(reached, example).toEqual([expect.stringMatching(`^${path}`)]);
  }
});

test('the help of the program has each command in a group', async () => {
  const help = await helpOf('');
  const headings = help.match(/^[A-Z].*:$/gm);
  expect(headings).toEqual([
    'Options:',
    'Setting up:',
    'Delivering:',
    'Watching:',
    'What was given up on:',
    'Trying out:',
    'Reading:',
    'Examples:',
  ]);
});

test('a default of a number says its unit, unless it is a count', async () => {
  const { commands } = await testProgram();
  for (const [path, { options }] of commands) {
    for (const { flags, defaultValue, defaultValueDescription } of options) {
      if (typeof defaultValue !== 'number' || flags.endsWith(' <n>')) continue;
      expect(defaultValueDescription, `${path} ${flags}`).toMatch(/^\d+(?:m?s|m|%|\/s)$/);
    }
  }
});
