import { describe, expect, test } from 'vitest';
import { whyNoServer } from '../support/foreign-server.ts';
import { startTinyproxy } from '../support/proxies.ts';
import { routesOf } from '../support/proxy-routes.ts';
import { certificates } from './certificates.ts';
import { client, MESSAGE, serve } from './http-fixture.ts';
import { respond } from './scripted-server.ts';

const ACME = await certificates();
const DELIVERED = { kind: 'answer', status: 200, body: '' };

describe.skipIf(whyNoServer('tinyproxy') !== undefined)('tinyproxy', () => {
  test.each(['http', 'https'])('lets requests to an %s: target through one tunnel', async (scheme) => {
    const server = await serve(
      (received) => respond(received, 200),
      scheme === 'https' ? ACME.server : undefined,
    );
    const proxy = await startTinyproxy();
    const http = client({ proxy: routesOf(`http://127.0.0.1:${proxy.port}`), tls: { ca: ACME.ca } });
    const url = server.url.replace('127.0.0.1', 'localhost');
    for (let n = 0; n < 5; n += 1) expect(await http.post({ url, ...MESSAGE })).toEqual(DELIVERED);
    expect(server.sockets).toHaveLength(1);
    expect(proxy.output).toContain(`CONNECT 127.0.0.1:${server.port} HTTP/1.1`);
  });

  test('wants user and password', async () => {
    const server = await serve((received) => respond(received, 200));
    const proxy = await startTinyproxy({ user: 'waybill', password: 'of-the-proxy' });
    const at = `127.0.0.1:${proxy.port}`;
    const post = (userInfo: string) =>
      client({ proxy: routesOf(`http://${userInfo}${at}`) }).post({ url: server.url, ...MESSAGE });
    expect(await post('waybill:of-the-proxy@')).toEqual(DELIVERED);
    expect(await post('')).toMatchObject({ kind: 'proxy_away', blame: 'credentials', status: 407 });
    for (const wrong of ['waybill:wrong@', 'other@']) {
      expect(await post(wrong)).toMatchObject({ kind: 'proxy_away', blame: 'credentials', status: 401 });
    }
  });

  test('refuses a target by its filter', async () => {
    const server = await serve((received) => respond(received, 200));
    const proxy = await startTinyproxy({ deny: '127.0.0.1' });
    const at = `127.0.0.1:${proxy.port}`;
    expect(await client({ proxy: routesOf(`http://${at}`) }).post({ url: server.url, ...MESSAGE })).toEqual({
      kind: 'unsent',
      failureClass: 'proxy',
      status: 403,
      detail: `proxy ${at} answered 403 (Filtered) to CONNECT 127.0.0.1:${server.port}`,
    });
    expect(server.sockets).toHaveLength(0);
  });

  test('cannot connect to the target', async () => {
    const server = await serve(() => {});
    await server.close();
    const proxy = await startTinyproxy();
    const http = client({ proxy: routesOf(`http://127.0.0.1:${proxy.port}`) });
    expect(await http.post({ url: server.url, ...MESSAGE })).toMatchObject({
      kind: 'unsent',
      failureClass: 'proxy',
      status: 500,
      detail: expect.stringContaining('(Unable to connect)'),
    });
  });
});
