import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { droppedEnd } from '../../src/redis/server-log.ts';
import { testDirectory } from '../support/waybill-process.ts';

const line = (text: string): string => `4711:M 20 Mar 2018 00:00:00.000 # ${text}\n`;

test('that the end of the file was dropped is found, whatever else the server says at its start', async () => {
  const path = join(testDirectory(), 'redis.log');
  const earlier = line('!!! Truncating the AOF at offset 7 !!!');
  const much = line('WARNING Memory overcommit must be enabled!').repeat(200);
  const start = line('Redis is starting') + line('!!! Truncating the AOF at offset 42 !!!') + much;
  writeFileSync(path, earlier + start);
  expect(await droppedEnd(path, earlier.length)).toBe('Truncating the AOF at offset 42');
  expect(await droppedEnd(path, earlier.length + start.length)).toBeUndefined();
});
