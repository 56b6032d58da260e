import { spawn, spawnSync } from 'node:child_process';
import { onTestFinished } from 'vitest';
import { fakeTerminal } from './screen.ts';
import { until } from './until.ts';

/** A program in a terminal of 80 columns and 20 rows. */
export interface PseudoTerminal {
  /** Waits until the screen shows it. */
  shows(pattern: RegExp): Promise<void>;
  rows(): string[];
  cursorShown(): boolean;
  type(keys: string): void;
  /** The exit code of the program. */
  readonly exit: Promise<number | null>;
}

/** Whether there is the `script` of util-linux: a module that makes terminals would have to be compiled. */
export function canMakeTerminals(): boolean {
  return spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') ?? false;
}

const GIVE_UP_MS = 60_000;

/** Runs a shell command in a terminal that `script` of util-linux makes. It is gone when the test is over. */
export function startScript(command: string, cwd: string): PseudoTerminal {
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd,
    env: { ...process.env, TERM: 'xterm', NO_COLOR: '1', SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const terminal = fakeTerminal(80, 20);
  child.stdin.on('error', () => {});
  child.stdout.setEncoding('utf8').on('data', (text: string) => terminal.stream.write(text));
  const exit = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  onTestFinished(async () => {
    // With its terminal gone, the program ends by SIGHUP.
    child.kill('SIGKILL');
    await exit;
  });
  return {
    exit,
    rows: () => terminal.rows(),
    cursorShown: () => terminal.cursorShown,
    shows: (pattern) => until(async () => pattern.test(terminal.rows().join('\n')), GIVE_UP_MS),
    type: (keys) => void child.stdin.write(keys),
  };
}
