import { expect, test } from 'vitest';
import { failOnLeaks } from './leaks.ts';
import { startNode } from './node-process.ts';

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
