import { expect, test } from 'vitest';
import { exitCodeOf } from '../../src/cli/run-command.ts';
import { oneLine } from '../../src/cli/terminal.ts';
import { runWaybill, testDirectory } from '../support/waybill-process.ts';

const MISUSES: readonly (readonly [string[], string])[] = [
  [['replay'], 'there is no command "replay": did you mean "dead-letters replay"?'],
  [['status', '--bogus'], 'status has no option "--bogus"'],
  [['send'], '<client> is missing'],
  [['dead-letters', 'list', '--limit', '0'], 'whole number'],
  [['start', '--workers', '0'], 'whole number from 1 to 256'],
  [['dead-letters'], 'a command of dead-letters is missing'],
];

test.each(MISUSES)('misuse, %j: exit code 2, and the reason as one JSON value', async (args, reason) => {
  const { code, stdout, stderr } = await runWaybill(['--json', ...args], { directory: testDirectory() });
  expect(code).toBe(2);
  expect(JSON.parse(stdout).error).toEqual({ code: 'USAGE', message: expect.stringContaining(reason) });
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^waybill: /);
});

test('misuse without --json: one sentence on stderr, nothing on stdout', async () => {
  const answer = await runWaybill(['bogus'], { directory: testDirectory() });
  const stderr = 'waybill: there is no command "bogus"; "waybill --help" lists them\n';
  expect(answer).toMatchObject({ code: 2, stdout: '', stderr });
});

test('the help of every command names the options that all commands take', async () => {
  for (const command of [['status'], ['dead-letters', 'replay']]) {
    const { code, stdout } = await runWaybill([...command, '--help'], { directory: testDirectory() });
    expect(code).toBe(0);
    expect(stdout).toContain('--config <file>');
    expect(stdout).toContain('--json');
  }
});

test('a configuration that is off ends with 2, a Redis that does not serve with 4, the rest with 1', () => {
  expect(exitCodeOf('TLS_SETTINGS_INVALID')).toBe(2);
  expect(exitCodeOf('REDIS_NOT_INSTALLED')).toBe(4);
  expect(exitCodeOf('REDIS_LOADING')).toBe(4);
  expect(exitCodeOf('HTTP_REQUEST_INVALID')).toBe(1);
});

test('text from elsewhere steers no terminal, and breaks no table', () => {
  expect(oneLine(' a\u001b[31m\n b ')).toBe('a\\u001b[31m b');
});
