import { expect, test } from 'vitest';
import { failOnLeaks } from './leaks.ts';
import { isAlive, startNode } from './node-process.ts';
import { until } from './until.ts';

failOnLeaks();

const STUBBORN = `
  process.on('SIGTERM', () => console.log(JSON.stringify({ msg: 'stopping' })));
  console.error('to stderr');
  console.log(JSON.stringify({ msg: 'ready', name: process.env.NAME }));
  setInterval(() => {}, 1000);
`;
let left = 0;

test('shows the lines of a process, and signals it', async () => {
  const started = startNode(['-e', STUBBORN], { env: { NAME: 'wäybill' } });
  expect(await started.waitForLine('ready')).toEqual({ msg: 'ready', name: 'wäybill' });
  await started.waitForErrorLine((line) => line.unparsed === 'to stderr');
  started.signal('SIGTERM');
  await started.waitForLine('stopping');
  expect(started.stdout).toMatch(/ready.*\n.*stopping/);
  left = started.pid;
});

test('a process that a test left running is gone after it', () => {
  expect(left).toBeGreaterThan(0);
  expect(() => process.kill(left, 0)).toThrow('ESRCH');
});

/** Starts another one like it, which shares its stderr, as the service does with its workers. */
const PARENT = `
  const stdio = ['ignore', 'ignore', 'inherit'];
  const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio });
  console.log(JSON.stringify({ msg: 'started', child: child.pid }));
  setInterval(() => {}, 1000);
`;

test('so are those that it had started, also where it is gone itself', async () => {
  const started = startNode(['-e', PARENT]);
  left = Number((await started.waitForLine('started')).child);
  started.signal('SIGKILL');
  expect(process.kill(left, 0)).toBe(true);
});

test('as the test after that shows; and a signal to all reaches them', async () => {
  await until(async () => !isAlive(left));
  const started = startNode(['-e', PARENT]);
  const child = Number((await started.waitForLine('started')).child);
  started.signalAll('SIGTERM');
  expect(await started.exit).toEqual({ code: null, signal: 'SIGTERM' });
  await until(async () => !isAlive(child));
});

test('tells how a process ended, and ends the waits for its lines', async () => {
  const started = startNode([
    '-e',
    'process.stdin.on("data", (d) => { console.error("got " + d); process.exit(3); })',
  ]);
  const wait = expect(started.waitForLine('ready')).rejects.toThrow(
    'the process ended with 3; stderr:\ngot it',
  );
  started.input('it');
  expect(await started.exit).toEqual({ code: 3, signal: null });
  await wait;
});
