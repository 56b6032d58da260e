import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readTextFile } from '../../src/config/read-text-file.ts';
import { testDirectory } from '../support/waybill-process.ts';

test('a named pipe is refused at once, though nobody writes to it', () => {
  const pipe = join(testDirectory(), 'ca.pem');
  expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
  expect(readTextFile(pipe, 1_000)).toMatchObject({ ok: false, message: 'cannot be read (a named pipe)' });
});
