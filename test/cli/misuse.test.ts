import type { CommanderError } from 'commander';
import { expect, test } from 'vitest';
import { addCommands, createProgram } from '../../src/cli/add-commands.ts';
import { describeMisuse } from '../../src/cli/misuse.ts';

/** What is said of words that the program cannot read. */
async function saidOf(...words: string[]): Promise<string> {
  const program = createProgram().configureOutput({ writeErr: () => {} });
  try {
    await addCommands(program, words);
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    return describeMisuse(program, error as CommanderError);
  }
  throw new Error('the words were taken');
}

test.each([
  ['replay', 'there is no command "replay": did you mean "dead-letters replay"?'],
  ['find-limits', 'there is no command "find-limits": did you mean "loadtest find-limit"?'],
  ['dead_letters', 'there is no command "dead_letters": did you mean "dead-letters"?'],
  ['statsu --watch', 'there is no command "statsu": did you mean "status"?'],
  ['bogus --json', 'there is no command "bogus"; "waybill --help" lists them'],
  ['help reprot', 'there is no command "reprot": did you mean "report"?'],
  ['dead-letters replya', 'dead-letters has no command "replya": did you mean "dead-letters replay"?'],
  [
    'dead-letters bogus',
    'dead-letters has no command "bogus"; there are: list, show, export, replay, discard',
  ],
  ['loadtest', 'a command of loadtest is missing; there are: run, find-limit'],
])('%s: no such command', async (words, sentence) => {
  expect(await saidOf(...words.split(' '))).toBe(sentence);
});

test('no word at all: a command is missing', async () => {
  expect(await saidOf()).toBe('a command is missing; "waybill --help" lists them');
});

test.each([
  ['status --wacth', 'status has no option "--wacth": did you mean "--watch"?'],
  ['status --josn', 'status has no option "--josn": did you mean "--json"?'],
  [
    'dead-letters list --bogus',
    'dead-letters list has no option "--bogus"; "waybill dead-letters list --help" lists them',
  ],
  ['--limit 5 status', 'waybill has no option "--limit"; those of a command follow its name'],
  ['status --config', '--config wants a value: --config <file>'],
  ['--config', '--config wants a value: --config <file>'],
  [
    'key warehouse',
    '--scope is missing; expected: --scope <scope...>, what it may do: submit events, read all there is, operate the service',
  ],
  ['pause', '<client> is missing; expected: waybill pause [options] <client>'],
  ['send acme', '<type> is missing; expected: waybill send [options] [client] [type] [file]'],
  ['status acme outlet', '"outlet" is one word too many; expected: waybill status [options] [client]'],
  ['start --workers 0', '--workers "0" is invalid; expected: a whole number from 1 to 256'],
  [
    'event 17',
    '<id> "17" is invalid; expected: the id that was given when it was accepted, a UUIDv7; "waybill events --unit" finds events by their unit',
  ],
  ['start --log-level warning', '--log-level "warning" is invalid; there are: debug, info, warn, error'],
  ['report acme --format mdx', '--format "mdx" is invalid; there are: md, html, json: did you mean "md"?'],
  ['loadtest run acme x --duration 0s', '--duration "0s" is invalid; expected: longer than nothing'],
])('%s: a sentence that says what was expected', async (words, sentence) => {
  expect(await saidOf(...words.split(' '))).toBe(sentence);
});

test.each([
  [
    ['audit', '--since', '2:00'],
    '--since "2:00" is invalid; expected: 02:00, "yesterday 14:00", an ISO time such as 2026-03-01T14:00Z, or how long ago, such as 2h',
  ],
  [
    ['audit', '--since', '2026-03-01T14:00:01Z', '--until', '2026-03-01 14:00Z'],
    '--until 2026-03-01 14:00:00Z is not after --since 2026-03-01 14:00:01Z',
  ],
  [
    ['dead-letters', 'discard', '--failed-since', '2026-03-01Z', '--failed-until', '2026-03-01Z'],
    '--failed-until 2026-03-01 00:00:00Z is not after --failed-since 2026-03-01 00:00:00Z',
  ],
  [
    ['dead-letters', 'list', '--since', 'yesterday', '14:00'],
    '"14:00" is one word too many; a day and its time go in quotes: "yesterday 14:00"',
  ],
  [['status', 'acme', '14:00'], '"14:00" is one word too many; expected: waybill status [options] [client]'],
])('%j: a sentence about the time', async (words, sentence) => {
  expect(await saidOf(...words)).toBe(sentence);
});

test('a value of the environment is called by its name there', async () => {
  process.env['WAYBILL_LOG_LEVEL'] = 'loud';
  try {
    expect(await saidOf('start')).toMatch(/^WAYBILL_LOG_LEVEL "loud" is invalid; there are: debug/);
  } finally {
    delete process.env['WAYBILL_LOG_LEVEL'];
  }
});

test('a rule that cannot be read says why, in its own words', async () => {
  expect(await saidOf('loadtest', 'run', 'acme', 'x', '--slo', 'p99')).toMatch(/^--slo "p99" is invalid: /);
});
