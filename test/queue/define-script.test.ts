import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { defineScript } from '../../src/queue/define-script.ts';
import { statsKey } from '../../src/queue/names.ts';
import { testRedis } from '../support/redis.ts';

test('a script of one client also declares the guard key of that client', async () => {
  const script = defineScript('test-keys', 'return KEYS');
  expect(await script(testRedis(), [statsKey('acme'), '{wb:acme}:x'], ['an argument'])).toEqual([
    '{wb:acme}:stats',
    '{wb:acme}:x',
    '{wb:acme}:guard',
  ]);
});

test('there is no other way to define a script, and the one without a guard is for looks over many clients', () => {
  const sources = readdirSync('src/queue', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => ({ file, text: readFileSync(`src/queue/${file}`, 'utf8') }));
  const using = (pattern: RegExp) => sources.filter(({ text }) => pattern.test(text)).map(({ file }) => file);
  // batch-workers.ts defines those of BullMQ's own scripts that take batches.
  expect(using(/\.defineCommand\(|\.evalsha?\(/).toSorted()).toEqual([
    'batch-workers.ts',
    'define-script.ts',
  ]);
  expect(using(/defineUnguardedScript/).toSorted()).toEqual(['batch-workers.ts', 'define-script.ts']);
});
