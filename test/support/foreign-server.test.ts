import { expect, test } from 'vitest';
import { startForeignServer, whyNoServer } from './foreign-server.ts';

const missing = whyNoServer('openssl');

test.skipIf(missing)('a server that others wrote takes connections, and ends when told to', async () => {
  const server = await startForeignServer('openssl', (port) => [
    's_server',
    '-accept',
    `127.0.0.1:${port}`,
    '-nocert',
  ]);
  expect(server.output).toContain('ACCEPT');
  await server.kill();
});

test('a server that ends at once says why', async () => {
  const started = startForeignServer('sh', () => ['-c', 'echo no such setting >&2; exit 3']);
  await expect(started).rejects.toThrow('no such setting');
});
