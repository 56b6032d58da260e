import type { Command, CommanderError } from 'commander';
import { didYouMean, nearMiss } from '../core/near-miss.ts';
import { describeValue } from '../core/quote-text.ts';

/** What commander says, without its `error: `, and the sentence for it about the command that it was said of. */
const SENTENCES: readonly (readonly [RegExp, (command: Command, ...found: string[]) => string])[] = [
  [/^unknown command '(.*)'$/s, unknownCommand],
  [/^unknown option '(.*)'$/s, unknownOption],
  [/^option '((\S+).*)' argument missing$/, (_, flags, name) => `${name} wants a value: ${flags}`],
  [/^required option '(\S+).*' not specified$/, missingOption],
  [/^missing required argument '(.*)'$/, (command, name) => `<${name}> is missing; ${usageOf(command)}`],
  [/^too many arguments/, superfluousWord],
  [
    /^option '(\S+)[^']*' argument '(.*)' is invalid\. (.*)$/s,
    (_, name, value, hint) => invalid(name, value, hint),
  ],
  [
    /^option '.*' value '(.*)' from env '(.*)' is invalid\. (.*)$/s,
    (_, value, name, hint) => invalid(name, value, hint),
  ],
  [
    /^command-argument value '(.*)' is invalid for argument '(.*)'\. (.*)$/s,
    (_, value, name, hint) => invalid(`<${name}>`, value, hint),
  ],
];

/** A sentence about words that the program could not read: what is wrong, and what was expected. */
export function describeMisuse(program: Command, { code, message }: CommanderError): string {
  const command = commandOf(program);
  if (code === 'commander.help') return missingCommand(command);
  const said = message.replace(/^error: /, '');
  for (const [pattern, sentence] of SENTENCES) {
    const [whole, ...found] = pattern.exec(said) ?? [];
    if (whole !== undefined) return sentence(command, ...found);
  }
  return said;
}

/** The command that the words name, as far as they do; the program itself if they name none. */
function commandOf(program: Command): Command {
  let command = program;
  for (const word of program.args) {
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined) return command;
    command = next;
  }
  return command;
}

/** A command's name as it is typed: `dead-letters replay`. */
function pathOf(command: Command): string {
  const { parent } = command;
  return parent?.parent ? `${pathOf(parent)} ${command.name()}` : command.name();
}

function usageOf(command: Command): string {
  return `expected: ${command.createHelp().commandUsage(command)}`;
}

/** "help" too is a command that names another one. */
function missingCommand(command: Command): string {
  const [first, named] = command.args;
  if (first === 'help' && named !== undefined) return unknownCommand(command, named);
  if (command.parent === null) return 'a command is missing; "waybill --help" lists them';
  return `a command of ${pathOf(command)} is missing; ${namesOf(command)}`;
}

function unknownCommand(command: Command, word: string): string {
  const isProgram = command.parent === null;
  const what = `${isProgram ? 'there is' : `${pathOf(command)} has`} no command ${describeValue(word)}`;
  const meant = didYouMeanCommand(command, word);
  if (meant !== '') return what + meant;
  if (isProgram) return `${what}; "waybill --help" lists them`;
  return `${what}; ${namesOf(command)}`;
}

function namesOf({ commands }: Command): string {
  return `there are: ${commands.map((each) => each.name()).join(', ')}`;
}

/** Finds a command of a group also by its own name alone: "dead-letters replay" for "replay". */
function didYouMeanCommand(command: Command, word: string): string {
  const paths = new Map<string, string>();
  const groups = [command, ...command.commands];
  for (const each of groups.flatMap(({ commands }) => commands)) {
    const path = pathOf(each);
    for (const name of [each.name(), path]) if (!paths.has(name)) paths.set(name, path);
  }
  const meant = nearMiss(word, [...paths.keys()]);
  return meant === undefined ? '' : `: did you mean "${paths.get(meant)}"?`;
}

function unknownOption(command: Command, flag: string): string {
  const isProgram = command.parent === null;
  const path = isProgram ? 'waybill' : pathOf(command);
  const known = [...command.options, ...command.createHelp().visibleGlobalOptions(command)];
  const meant = didYouMean(flag, ['--help', ...known.flatMap(({ long }) => long ?? [])]);
  const where = isProgram ? 'those of a command follow its name' : `"waybill ${path} --help" lists them`;
  return `${path} has no option ${describeValue(flag)}${meant || `; ${where}`}`;
}

function missingOption(command: Command, name: string): string {
  const { flags = name, description = '' } = command.options.find(({ long }) => long === name) ?? {};
  return `${name} is missing; expected: ${flags}, ${description}`;
}

const TIME_OF_DAY = /^\d\d:\d\d/;

function superfluousWord(command: Command): string {
  const word = command.args[command.registeredArguments.length] ?? '';
  if (TIME_OF_DAY.test(word) && command.options.some(({ long }) => long === '--since')) {
    return `${describeValue(word)} is one word too many; a day and its time go in quotes: "yesterday 14:00"`;
  }
  return `${describeValue(word)} is one word too many; ${usageOf(command)}`;
}

/** Hints of the command's own are sentences, "It is ..." most of them. */
function invalid(name: string, value: string, hint: string): string {
  const what = `${name} ${describeValue(value)} is invalid`;
  const said = hint.replace(/\.$/, '');
  const [, expected] = /^It is (.*)$/s.exec(said) ?? [];
  if (expected !== undefined) return `${what}; expected: ${expected}`;
  const [, choices] = /^Allowed choices are (.*)$/.exec(said) ?? [];
  if (choices === undefined) return `${what}: ${said}`;
  return `${what}; there are: ${choices}${didYouMean(value, choices.split(', '))}`;
}
