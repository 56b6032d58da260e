import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { expectNoMoreThan, openResources } from './leaks.ts';

test('a leak check names an open server, and waits for one that is closing', async () => {
  const before = openResources();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await expect(expectNoMoreThan(before, 10)).rejects.toThrow('the test left open: 1 TCPServerWrap');
  server.close();
  await expectNoMoreThan(before);
});
