import { expect, test } from 'vitest';
import { whyNoBrowser } from '../support/browser.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { consoleScene } from './console-scene.ts';

failOnLeaks();

const skips = test.skipIf(whyNoBrowser());

skips('the page says that Redis is away and since when what it shows is old, and catches up', async () => {
  const own = await startOwnRedis();
  const scene = await consoleScene({ clients: { acme: {} }, others: { redis: { url: own.socketPath } } });
  const page = await scene.open('', { mayFail: true });
  const link = page.getByRole('banner').getByRole('status');
  await page.locator('tbody tr').waitFor();
  expect(await link.innerText()).toBe('live');
  await own.kill();
  await expect.poll(() => link.innerText()).toMatch(/^Redis is away: as of \d\d:\d\d:\d\d \(.+\)$/);
  expect(await page.locator('tbody tr').count()).toBe(1);
  await page.goto(`${scene.address}/console#/incidents`);
  await page.getByRole('alert').getByText('Redis').waitFor();
  await own.start();
  await expect.poll(() => link.innerText()).toBe('live');
  await page.getByRole('link', { name: 'Overview' }).click();
  await scene.send('acme', 3);
  await page.getByText('The endpoint is well; nothing waits').waitFor();
});

skips(
  'the page says that the service is gone, goes on with the next one, and asks for a key that was taken away',
  async () => {
    const scene = await consoleScene({ clients: { acme: {} } });
    const portOf = () => Number(new URL(scene.address).port);
    const proxy = await startTcpProxy(portOf());
    const page = await scene.open('', { mayFail: true, by: `http://127.0.0.1:${proxy.port}` });
    const link = page.getByRole('banner').getByRole('status');
    await page.locator('tbody tr').waitFor();
    scene.service.signal('SIGKILL');
    await scene.service.exit;
    await expect.poll(() => link.innerText()).toMatch(/^connection lost: as of \d\d:\d\d:\d\d/);
    await scene.restart({});
    proxy.leadTo(portOf());
    await expect.poll(() => link.innerText()).toBe('live');

    scene.service.signal('SIGKILL');
    await scene.service.exit;
    await scene.restart({ http: { port: 0, keys: [] } });
    proxy.leadTo(portOf());
    await page.getByText('The service does not take this key any longer.').waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
  },
);

skips('a wrong key is refused in words, and a right one stays for the tab alone', async () => {
  const scene = await consoleScene({ clients: { acme: {} } });
  const page = await scene.open('', { mayFail: true });
  await page.locator('tbody tr').waitFor();
  await page.reload();
  await page.locator('tbody tr').waitFor();
  expect(await page.evaluate('document.cookie')).toBe('');
  await page.getByRole('button', { name: 'Leave' }).click();
  for (const key of ['no-key-of-anybody', 'ключ']) {
    await page.getByLabel('Key of the HTTP API').fill(key);
    await page.getByRole('button', { name: 'Enter' }).click();
    await page.getByRole('alert').getByText('The service does not know this key.').waitFor();
  }
  const other = await page.context().newPage();
  await other.goto(`${scene.address}/console`);
  await other.getByLabel('Key of the HTTP API').waitFor();
});

test('a service without a console has none, and one with it serves the page by a strict policy', async () => {
  const scene = await consoleScene({ clients: { acme: {} } });
  const answer = await fetch(`${scene.address}/console`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-security-policy')).toMatch(
    /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; .*frame-ancestors 'none'$/,
  );
  const html = await answer.text();
  expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|https?:\/\//);
  let bytes = 0;
  for (const path of ['', '/app.js', '/app.css']) {
    const { headers, status, body } = await fetch(`${scene.address}/console${path}`);
    expect([status, headers.get('content-encoding')]).toEqual([200, 'gzip']);
    bytes += Number(headers.get('content-length'));
    await body?.cancel();
    const again = await fetch(`${scene.address}/console${path}`, {
      headers: { 'if-none-match': headers.get('etag') ?? '' },
    });
    expect(again.status).toBe(304);
  }
  expect(bytes).toBeLessThan(150_000);
  scene.service.signal('SIGTERM');
  await scene.service.exit;
  await scene.restart({ http: { port: 0, console: false } });
  expect((await fetch(`${scene.address}/console`)).status).toBe(404);
  expect(scene.service.lines.find(({ msg }) => msg === 'http api listens')).not.toHaveProperty('console');
});
