import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { failOnLeaks } from '../support/leaks.ts';
import { startNode } from '../support/node-process.ts';
import { testDirectory } from '../support/waybill-process.ts';

failOnLeaks();

const LIFECYCLE = fileURLToPath(new URL('../../dist/src/service/lifecycle.js', import.meta.url));

/** Runs these lines in a process that ends on a crash. */
async function crash(lines: string): Promise<{ code: number | null; stderr: string }> {
  const file = join(testDirectory(), 'crash.mjs');
  writeFileSync(file, `import { endOnCrash } from '${LIFECYCLE}';\nendOnCrash();\n${lines}\n`);
  const process = startNode([file]);
  const { code } = await process.exit;
  return { code, stderr: process.stderr };
}

test.each([
  ['an error', 'setImmediate(() => { throw error; });'],
  ['a rejection', 'Promise.reject(error);'],
])('%s that nobody caught ends the process, and only its stacks are told', async (_what, end) => {
  const { code, stderr } = await crash(`
    const cause = Object.assign(new Error('WRONGPASS'), { command: { args: ['marked-secret'] } });
    const error = Object.assign(new Error('no connection', { cause }), { password: 'marked-secret' });
    setInterval(() => {}, 1_000);
    ${end}`);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^waybill: crashed: Error: no connection\n +at [\s\S]*\n +caused by: Error: WRONGPASS\n +at /,
  );
  expect(stderr).not.toContain('marked-secret');
});

test('of what is thrown and is no error only the kind is told', async () => {
  const { code, stderr } = await crash(`throw 'marked-secret';`);
  expect({ code, stderr }).toEqual({ code: 1, stderr: 'waybill: crashed: a string was thrown\n' });
});
