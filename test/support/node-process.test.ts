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

test('the lines of a process are read, and a signal reaches it', async () => {
  const started = startNode(['-e', STUBBORN], { env: { NAME: 'wäybill' } });
  expect(await started.waitForLine('ready')).toEqual({ msg: 'ready', name: 'wäybill' });
  await started.waitForErrorLine((line) => line.unparsed === 'to stderr');
  started.signal('SIGTERM');
  await started.waitForLine('stopping');
  expect(started.stdout).toMatch(/ready.*\n.*stopping/);
  left = started.pid;
});

test('a process that the test before left running is killed', () => {
  expect(left).toBeGreaterThan(0);
  expect(() => process.kill(left, 0)).toThrow('ESRCH');
});

/** Starts a child that shares its stderr, as the service does with its workers. */
const PARENT = `
  const stdio = ['ignore', 'ignore', 'inherit'];
  const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio });
  console.log(JSON.stringify({ msg: 'started', child: child.pid }));
  setInterval(() => {}, 1000);
`;

test('a process is killed while its child goes on', async () => {
  const started = startNode(['-e', PARENT]);
  left = Number((await started.waitForLine('started')).child);
  started.signal('SIGKILL');
  expect(process.kill(left, 0)).toBe(true);
});

test('the child of a killed process is killed after its test; signalAll reaches a process and its child', async () => {
  await until(async () => !isAlive(left));
  const started = startNode(['-e', PARENT]);
  const child = Number((await started.waitForLine('started')).child);
  started.signalAll('SIGTERM');
  expect(await started.exit).toEqual({ code: null, signal: 'SIGTERM' });
  await until(async () => !isAlive(child));
});

test('an ended process has its exit code, and waits for its lines fail', async () => {
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
