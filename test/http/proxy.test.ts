import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { proxyBlameIn } from '../../src/core/proxy-blame.ts';
import { TLS_WORDS } from '../../src/core/tls-cause.ts';
import type { Lookup } from '../../src/http/share-questions.ts';
import { freePort } from '../support/foreign-server.ts';
import { startProxy } from '../support/proxies.ts';
import { routesOf } from '../support/proxy-routes.ts';
import { blackHole } from './black-hole.ts';
import { certificates } from './certificates.ts';
import { startDnsServer } from './dns-server.ts';
import { client, MESSAGE, opened, serve, serveRaw, withoutRepeats } from './http-fixture.ts';
import { respond } from './scripted-server.ts';

const ACME = await certificates();
const DELIVERED = { kind: 'answer', status: 200, body: '' };
/** Every name has these addresses. */
function answering(addresses: readonly string[]): Lookup {
  const found = addresses.map((address) => ({ address, family: 4 }));
  return (_, __, callback) => process.nextTick(callback, null, found);
}

const named = (url: string): string => url.replace('127.0.0.1', 'localhost');

describe('a target through a proxy', () => {
  test.each(['http', 'https'])('%s: is sent requests through one tunnel, by its address', async (scheme) => {
    const tls = scheme === 'https' ? ACME.server : undefined;
    const server = await serve((received) => respond(received, 200), tls);
    const proxy = await startProxy();
    const http = client({ proxy: routesOf(proxy.url), tls: { ca: ACME.ca } });
    for (let n = 1; n <= 3; n += 1) {
      expect(await http.post({ url: named(server.url), ...MESSAGE })).toEqual(DELIVERED);
    }
    expect(proxy.connects.map(({ target }) => target)).toEqual([`127.0.0.1:${server.port}`]);
    expect(server.requests[0]?.text).toContain('LPAA1234567');
    expect(server.requests[0]?.text).toMatch(/host: localhost:/i);
    expect(server.requests[0]?.text).not.toMatch(/proxy-/i);
  });

  test('an IPv6 address is written in brackets', async () => {
    const server = await serve((received) => respond(received, 200), undefined, 0, '::1').catch(
      () => undefined,
    );
    if (server === undefined) return;
    const proxy = await startProxy();
    const http = client({ proxy: routesOf(proxy.url) });
    expect(await http.post({ url: `http://[::1]:${server.port}/`, ...MESSAGE })).toEqual(DELIVERED);
    expect(proxy.connects.map(({ target }) => target)).toEqual([`[::1]:${server.port}`]);
  });

  test('a name that does not resolve here goes to the proxy as it is', async () => {
    const server = await serve((received) => respond(received, 200));
    const proxy = await startProxy();
    const dns = await startDnsServer(() => 'NXDOMAIN');
    opened.push(dns);
    const http = client({ proxy: routesOf(proxy.url), lookup: dns.lookup, allowPrivateNetwork: false });
    const url = `http://returns.acme.example:${server.port}/`;
    expect(await http.post({ url, ...MESSAGE })).toEqual(DELIVERED);
    expect(proxy.connects.map(({ target }) => target)).toEqual([`returns.acme.example:${server.port}`]);
  });

  test('a name whose resolver is silent goes to the proxy as it is', async () => {
    const server = await serve((received) => respond(received, 200));
    const proxy = await startProxy();
    const http = client({ proxy: routesOf(proxy.url), lookup: () => {} });
    const url = `http://returns.acme.example:${server.port}/`;
    expect(await http.post({ url, ...MESSAGE })).toEqual(DELIVERED);
    expect(proxy.connects.map(({ target }) => target)).toEqual([`returns.acme.example:${server.port}`]);
  });

  test('the next address is asked for if the proxy cannot connect to the first', async () => {
    const server = await serve((received) => respond(received, 200));
    const proxy = await startProxy(({ target }) =>
      target.startsWith('192.0.2.1:') ? 'HTTP/1.1 503 Service Unavailable\r\n\r\n' : 'connect',
    );
    const http = client({ proxy: routesOf(proxy.url), lookup: answering(['192.0.2.1', '127.0.0.1']) });
    const url = `http://returns.acme.example:${server.port}/`;
    expect(await http.post({ url, ...MESSAGE })).toEqual(DELIVERED);
    expect(proxy.connects).toHaveLength(2);
  });

  test('an interim answer 100 to a request is read over', async () => {
    const server = await serve((received) => {
      received.socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      respond(received, 200);
    }, ACME.server);
    const proxy = await startProxy();
    const http = client({ proxy: routesOf(proxy.url), tls: { ca: ACME.ca } });
    expect(await http.post({ url: named(server.url), ...MESSAGE })).toEqual(DELIVERED);
    expect(await http.post({ url: named(server.url), ...MESSAGE })).toEqual(DELIVERED);
    expect(server.sockets).toHaveLength(1);
  });

  test('its certificate is judged by the name in its URL', async () => {
    const server = await serve((received) => respond(received, 200), ACME.server);
    const proxy = await startProxy();
    const http = client({
      proxy: routesOf(proxy.url),
      tls: { ca: ACME.ca },
      lookup: answering(['127.0.0.1']),
    });
    const url = `https://returns.acme.example:${server.port}/`;
    expect(await http.post({ url, ...MESSAGE })).toMatchObject({
      kind: 'no_answer',
      failureClass: 'tls',
      detail: `no TLS connection to returns.acme.example:${server.port} through proxy 127.0.0.1:${proxy.port}: ${TLS_WORDS.wrong_name}: "localhost" (ERR_TLS_CERT_ALTNAME_INVALID)`,
    });
    expect(server.requests).toHaveLength(0);
  });

  test.each([
    ['closes', 1, ''],
    ['asks for a client certificate and closes', 2, `: ${TLS_WORDS.certificate_wanted}`],
  ])('%s in the TLS handshake: told as without a proxy', async (_, after, words) => {
    const asks = { ...ACME.server, ca: ACME.ca, requestCert: true, maxVersion: 'TLSv1.2' } as const;
    const behind = await serve(() => {}, asks);
    const server = await serveRaw((socket) => {
      const onward = connect(behind.port, '127.0.0.1').on('error', () => {});
      let chunks = 0;
      socket
        .once('close', () => onward.destroy())
        .on('data', (chunk) => {
          chunks += 1;
          if (chunks < after) onward.write(chunk);
          else socket.destroy();
        });
      onward.on('data', (chunk) => socket.write(chunk));
    });
    const proxy = await startProxy();
    const url = `https://localhost:${server.port}/`;
    for (const [through, more] of [
      ['', {}],
      [` through proxy 127.0.0.1:${proxy.port}`, { proxy: routesOf(proxy.url) }],
    ] as const) {
      expect(await client({ tls: { ca: ACME.ca }, ...more }).post({ url, ...MESSAGE })).toEqual({
        kind: 'no_answer',
        failureClass: 'reset',
        detail: `localhost:${server.port}${through} closed the connection during the TLS handshake${words} (ECONNRESET)`,
      });
    }
  });

  test('a kept tunnel that was closed meanwhile costs no attempt', async () => {
    const server = await serve((received) => respond(received, 200));
    const proxy = await startProxy();
    const http = client({ proxy: routesOf(proxy.url) });
    await http.post({ url: server.url, ...MESSAGE });
    for (const socket of proxy.sockets) socket.destroy();
    expect(await withoutRepeats(http.post({ url: server.url, ...MESSAGE }))).toEqual(DELIVERED);
    expect(proxy.connects).toHaveLength(2);
  });

  test('a flood of bytes without an answer is ended', async () => {
    const server = await serveRaw((socket) => {
      socket.resume().once('data', () => {
        const more = (): void => {
          while (!socket.destroyed && socket.write(`HTTP/1.1 103 x\r\nx: ${'y'.repeat(8_192)}\r\n\r\n`));
        };
        socket.on('drain', more);
        more();
      });
    });
    const proxy = await startProxy();
    const result = await client({ proxy: routesOf(proxy.url) }).post({ url: server.url, ...MESSAGE });
    expect(result).toMatchObject({ kind: 'no_answer', failureClass: 'not_http' });
  });
});

describe('the address guard, through a proxy', () => {
  test('a name that resolves to private addresses alone is not asked for', async () => {
    const proxy = await startProxy();
    const http = client({
      proxy: routesOf(proxy.url),
      allowPrivateNetwork: false,
      lookup: answering(['10.0.0.1']),
    });
    const results = [
      await http.post({ url: 'https://returns.acme.example/', ...MESSAGE }),
      await http.post({ url: 'http://169.254.169.254/', ...MESSAGE }),
    ];
    for (const result of results) expect(result).toMatchObject({ kind: 'unsent', failureClass: 'address' });
    expect(proxy.sockets.size).toBe(0);
  });

  test('a name that resolves late, to a private address, ends what its name has begun', async () => {
    const proxy = await startProxy(() => 'hang');
    let answer = (): void => {};
    const lookup: Lookup = (_, __, found) => {
      answer = () => found(null, [{ address: '10.0.0.1', family: 4 }]);
    };
    const http = client({ proxy: routesOf(proxy.url), allowPrivateNetwork: false, lookup });
    const sent = http.post({ url: 'https://returns.acme.example/', ...MESSAGE });
    await expect.poll(() => proxy.connects.length, { timeout: 30_000 }).toBe(1);
    answer();
    expect(await sent).toMatchObject({ kind: 'unsent', failureClass: 'address' });
  });

  test('the proxy is given the allowed address, and its own may be private', async () => {
    const proxy = await startProxy(() => 'HTTP/1.1 403 Filtered\r\n\r\n');
    const http = client({
      proxy: routesOf(proxy.url),
      allowPrivateNetwork: false,
      lookup: answering(['10.0.0.1', '8.8.8.8']),
    });
    await http.post({ url: 'https://returns.acme.example/', ...MESSAGE });
    expect(proxy.connects.map(({ target }) => target)).toEqual(['8.8.8.8:443']);
  });
});

describe('credentials of the proxy', () => {
  test('are sent to it decoded, and to nobody else', async () => {
    const server = await serve((received) => respond(received, 200));
    const proxy = await startProxy();
    const url = proxy.url.replace('//', '//way%40bill:p%2Fss%3Aw%C3%B6rd@');
    expect(await client({ proxy: routesOf(url) }).post({ url: server.url, ...MESSAGE })).toEqual(DELIVERED);
    const pair = Buffer.from('way@bill:p/ss:wörd').toString('base64');
    expect(proxy.connects.map(({ authorization }) => authorization)).toEqual([`Basic ${pair}`]);
    expect(server.requests[0]?.text).not.toContain(pair);
  });

  const PAIR = Buffer.from('waybill:s3cret@wörd').toString('base64');
  test.each([
    'no s3cret@wörd today',
    's3cret%40w%C3%B6rd',
    's3cret%40w%c3%b6rd',
    'waybill:s3cret@wörd',
    PAIR,
    `basic ${PAIR}`,
  ])('are not in what is told of a refusal that repeats them: %s', async (phrase) => {
    const proxy = await startProxy(() => `HTTP/1.1 403 ${phrase}\r\n\r\n`);
    const routes = routesOf(proxy.url.replace('//', '//waybill:s3cret%40w%C3%B6rd@'));
    const result = await client({ proxy: routes }).post({ url: 'http://127.0.0.1:9/', ...MESSAGE });
    expect(result).toEqual({
      kind: 'unsent',
      failureClass: 'proxy',
      status: 403,
      detail: `proxy 127.0.0.1:${proxy.port} answered 403 to CONNECT 127.0.0.1:9`,
    });
  });
});

describe('a proxy that is away', () => {
  test('refuses the connection', async () => {
    const port = await freePort();
    const http = client({ proxy: routesOf(`http://127.0.0.1:${port}`) });
    expect(await http.post({ url: 'https://127.0.0.1:9/', ...MESSAGE })).toEqual({
      kind: 'proxy_away',
      blame: 'proxy',
      status: 0,
      detail: `no connection to proxy 127.0.0.1:${port} (ECONNREFUSED)`,
    });
  });

  test('has a name that does not resolve', async () => {
    const dns = await startDnsServer(() => 'NXDOMAIN');
    opened.push(dns);
    const http = client({ proxy: routesOf('http://proxy.internal:3128'), lookup: dns.lookup });
    expect(await http.post({ url: 'https://127.0.0.1:9/', ...MESSAGE })).toEqual({
      kind: 'proxy_away',
      blame: 'proxy',
      status: 0,
      detail: 'the name in proxy proxy.internal:3128 could not be resolved (ENOTFOUND)',
    });
  });

  test('takes no connection', async () => {
    const port = await freePort();
    opened.push(await blackHole('127.0.0.1', port));
    const http = client({ proxy: routesOf(`http://127.0.0.1:${port}`), timeoutMs: 100 });
    expect(await http.post({ url: 'https://127.0.0.1:9/', ...MESSAGE })).toEqual({
      kind: 'proxy_away',
      blame: 'proxy',
      status: 0,
      detail: `proxy 127.0.0.1:${port} took no connection within 100 ms`,
    });
  });

  test.each([401, 407])('answers %i', async (status) => {
    const proxy = await startProxy(() => `HTTP/1.1 ${status} Who Are You\r\n\r\n`);
    const http = client({ proxy: routesOf(proxy.url) });
    expect(await http.post({ url: 'https://127.0.0.1:9/', ...MESSAGE })).toEqual({
      kind: 'proxy_away',
      blame: 'credentials',
      status,
      detail: `proxy 127.0.0.1:${proxy.port} answered ${status} to CONNECT 127.0.0.1:9: check its user and password`,
    });
  });
});

describe('a proxy that gives no tunnel', () => {
  const posted = async (script: () => 'hang' | string) => {
    const proxy = await startProxy(script);
    const http = client({ proxy: routesOf(proxy.url), timeoutMs: 60_000 });
    return { proxy, result: await http.post({ url: 'https://127.0.0.1:9/', ...MESSAGE }) };
  };

  test.each([400, 403, 502, 503, 504])('answers %i, which is the status of the failure', async (status) => {
    const { proxy, result } = await posted(
      () => `HTTP/1.1 ${status} Why Not\r\ncontent-length: 3\r\n\r\nabc`,
    );
    expect(result).toEqual({
      kind: 'unsent',
      failureClass: 'proxy',
      status,
      detail: `proxy 127.0.0.1:${proxy.port} answered ${status} (Why Not) to CONNECT 127.0.0.1:9`,
    });
  });

  test('closes the connection without an answer', async () => {
    const { proxy, result } = await posted(() => '');
    expect(result).toEqual({
      kind: 'unsent',
      failureClass: 'proxy',
      detail: `proxy 127.0.0.1:${proxy.port} closed the connection without an answer to CONNECT 127.0.0.1:9 (ECONNRESET)`,
    });
  });

  test.each(['SSH-2.0-OpenSSH_9.6\r\n', 'HTTP/1.1 200 OK\r\n\r\nSSH-2.0'])('answers %j', async (bytes) => {
    const { proxy, result } = await posted(() => bytes);
    expect(result).toEqual({
      kind: 'unsent',
      failureClass: 'proxy',
      detail: `proxy 127.0.0.1:${proxy.port} answered CONNECT 127.0.0.1:9, but not in HTTP/1.1`,
    });
  });

  test('closes the tunnel under a request', async () => {
    const server = await serve(() => {
      for (const socket of proxy.sockets) socket.destroy();
    }, ACME.server);
    const proxy = await startProxy();
    const http = client({ proxy: routesOf(proxy.url), tls: { ca: ACME.ca } });
    const host = `localhost:${server.port} through proxy 127.0.0.1:${proxy.port}`;
    expect(await http.post({ url: named(server.url), ...MESSAGE })).toEqual({
      kind: 'no_answer',
      failureClass: 'reset',
      detail: `${host} closed the connection before it had answered`,
    });
  });

  test('hangs at CONNECT until the deadline', async () => {
    const proxy = await startProxy(() => 'hang');
    const http = client({ proxy: routesOf(proxy.url), timeoutMs: 1_000 });
    expect(await http.post({ url: 'https://127.0.0.1:9/', ...MESSAGE })).toEqual({
      kind: 'no_answer',
      failureClass: 'timeout',
      detail: `proxy 127.0.0.1:${proxy.port} did not answer CONNECT 127.0.0.1:9 within 1000 ms: the proxy hangs, or cannot reach it`,
    });
    expect(proxy.connects).toHaveLength(1);
  });

  test('hangs at CONNECT while the client closes', async () => {
    const proxy = await startProxy(() => 'hang');
    const http = client({ proxy: routesOf(proxy.url) });
    const sent = http.post({ url: 'https://127.0.0.1:9/', ...MESSAGE });
    await expect.poll(() => proxy.connects.length).toBe(1);
    await http.close();
    expect(await sent).toMatchObject({ kind: 'aborted' });
    await expect.poll(() => proxy.sockets.size).toBe(0);
  });
});

describe('whose a failure is can be told from its sentence', () => {
  const blameOf = async (proxy: string, url = 'https://127.0.0.1:9/', timeoutMs = 60_000) => {
    const http = client({ proxy: routesOf(proxy), timeoutMs, tls: { ca: ACME.ca } });
    const result = await http.post({ url, ...MESSAGE });
    return proxyBlameIn('detail' in result ? result.detail : '');
  };

  test.each([
    ['HTTP/1.1 403 Filtered, through proxy a:1 answered 503\r\n\r\n', 'proxy'],
    ['HTTP/1.1 407 Who Are You\r\n\r\n', 'proxy'],
    ['SSH-2.0-OpenSSH_9.6\r\n', 'proxy'],
    ['', 'proxy'],
    ['HTTP/1.1 503 Service Unavailable\r\n\r\n', 'either'],
    ['hang', 'either'],
    ['HTTP/1.1 200 OK\r\n\r\n', 'target'],
  ])('the proxy answers %j: %s', async (answer, blame) => {
    const proxy = await startProxy(() => answer);
    const timeoutMs = answer === 'hang' ? 1_000 : undefined;
    expect(await blameOf(proxy.url, undefined, timeoutMs)).toBe(blame);
  });

  test('no proxy listens, or it has a certificate that is not trusted: the proxy', async () => {
    expect(await blameOf(`http://127.0.0.1:${await freePort()}`)).toBe('proxy');
    expect(await blameOf(`http://[::1]:${await freePort()}`)).toBe('proxy');
    const proxy = await startProxy(undefined, { tls: ACME.server });
    expect(await blameOf(proxy.url)).toBe('proxy');
  });

  test('the target has a certificate that is not trusted, or resets: the target', async () => {
    const proxy = await startProxy();
    const stranger = await serve(() => {}, (await certificates()).server);
    expect(await blameOf(proxy.url, named(stranger.url))).toBe('target');
    const resets = await serveRaw((socket) => socket.once('data', () => socket.resetAndDestroy()));
    expect(await blameOf(proxy.url, resets.url)).toBe('target');
  });

  test('there is no proxy: undefined', () => {
    expect(proxyBlameIn('no connection to proxy.acme.example:443 (ECONNREFUSED)')).toBeUndefined();
  });
});

test('a target of NO_PROXY is connected to directly', async () => {
  const server = await serve((received) => respond(received, 200));
  const proxy = await startProxy();
  const env = { HTTP_PROXY: proxy.url, NO_PROXY: 'localhost' };
  const http = client({ proxy: routesOf('environment', env) });
  expect(await http.post({ url: named(server.url), ...MESSAGE })).toEqual(DELIVERED);
  expect(proxy.connects).toHaveLength(0);
  expect(await http.post({ url: server.url, ...MESSAGE })).toEqual(DELIVERED);
  expect(proxy.connects).toHaveLength(1);
});
