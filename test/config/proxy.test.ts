import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { proxyFor } from '../../src/config/proxy-routes.ts';
import { clientProblems, FILE, problemsOf, withClient } from '../support/config-problems.ts';
import { routesOf } from '../support/proxy-routes.ts';

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;

describe('the URL of a proxy', () => {
  test.each([
    [
      'http://proxy.internal:3128',
      { host: 'proxy.internal', port: 3_128, secure: false, name: 'proxy.internal:3128' },
    ],
    [
      'http://proxy.internal/',
      { host: 'proxy.internal', port: 80, secure: false, name: 'proxy.internal:80' },
    ],
    [
      'https://proxy.internal',
      { host: 'proxy.internal', port: 443, secure: true, name: 'proxy.internal:443' },
    ],
    ['http://[::1]:3128', { host: '::1', port: 3_128, secure: false, name: '[::1]:3128' }],
    ['http://u:p@10.0.0.7:8080', { host: '10.0.0.7', authorization: basic('u:p') }],
    ['http://u%40x:p%2Fw%25@proxy:1', { authorization: basic('u@x:p/w%') }],
    ['http://only-user@proxy:1', { authorization: basic('only-user:') }],
    ['http://:only-password@proxy:1', { authorization: basic(':only-password') }],
  ])('%s', (url, server) => {
    const routes = routesOf(url);
    expect(proxyFor(routes, new URL('https://acme.example'))).toMatchObject(server);
    expect(proxyFor(routes, new URL('http://acme.example'))).toMatchObject(server);
  });

  const ENCODED = 'must have each / ? # % and @ in its user and password percent-encoded';
  test.each([
    ['proxy.internal:3128', 'must be the http: or https: URL of a proxy, or environment'],
    ['socks5://proxy.internal', 'must be the http: or https: URL of a proxy, or environment'],
    ['enviroment', 'must be the http: or https: URL of a proxy, or environment'],
    ['http://u:marked/pass@proxy:1', ENCODED],
    ['http://u:1/marked@proxy:1', ENCODED],
    ['http://u:marked%zz@proxy:1', ENCODED],
    ['http://u:marked#1@proxy:1', ENCODED],
    [
      'http://u%3Amarked:p@proxy:1',
      'must not have a colon in its user, nor a control character in its user or password',
    ],
    [
      'http://u:marked%0Ap@proxy:1',
      'must not have a colon in its user, nor a control character in its user or password',
    ],
    ['http://u:mar ked@proxy:1', 'must not hold blanks or backslashes'],
    ['http://proxy:1/marked', 'must not have a path, query or fragment'],
    ['http://proxy:70000', 'must be a URL that can be read'],
  ])('%s is refused without being repeated', (url, message) => {
    expect(clientProblems('proxy: "${PROXY}"', { PROXY: url })).toEqual([`proxy ${message}`]);
  });

  test('a password from the environment stands in it', () => {
    const text = withClient('proxy: "http://waybill:${PASSWORD}@proxy.internal:3128"');
    const { clients } = parseConfig(text, FILE, { PASSWORD: 'secret' });
    expect(clients.acme?.proxy?.https?.authorization).toBe(basic('waybill:secret'));
    expect(JSON.stringify(clients)).not.toContain('secret');
  });
});

describe('proxy: environment', () => {
  const ROUTED = [new URL('https://acme.example'), new URL('http://acme.example')];
  const names = (env: Record<string, string>) =>
    ROUTED.map((url) => proxyFor(routesOf('environment', env), url)?.name);

  test.each([
    [{}, [undefined, undefined]],
    [{ HTTPS_PROXY: 'http://a:1' }, ['a:1', undefined]],
    [{ HTTP_PROXY: 'http://a:1' }, [undefined, 'a:1']],
    [{ https_proxy: 'b:2', http_proxy: 'c:3' }, ['b:2', 'c:3']],
    [{ https_proxy: 'http://b:2', HTTPS_PROXY: 'http://a:1' }, ['b:2', undefined]],
    [{ https_proxy: ' ', HTTPS_PROXY: 'http://a:1' }, ['a:1', undefined]],
    [{ HTTPS_PROXY: 'http://a:1', NO_PROXY: '*' }, [undefined, undefined]],
    [
      { HTTPS_PROXY: 'http://a:1', HTTP_PROXY: 'http://b:2', no_proxy: 'acme.example:443' },
      [undefined, 'b:2'],
    ],
  ])('%j', (env, found) => {
    expect(names(env as Record<string, string>)).toEqual(found);
  });

  test('a variable that is wrong is a problem if a client asks for it, told without its value', () => {
    const env = { HTTPS_PROXY: 'socks5://u:marked@proxy' };
    expect(problemsOf(withClient('proxy: environment, concurrency: 0'), env)).toEqual([
      '1 $.clients.acme.concurrency must be at least 1, found 0',
      '- HTTPS_PROXY must be the http: or https: URL of a proxy',
    ]);
    expect(parseConfig(withClient('proxy: "http://p:1"'), FILE, env).clients.acme?.proxy?.https?.name).toBe(
      'p:1',
    );
  });

  test('a client that does not ask for it has no proxy', () => {
    const { clients } = parseConfig(withClient('concurrency: 1'), FILE, { HTTPS_PROXY: 'http://a:1' });
    expect(clients.acme).not.toHaveProperty('proxy');
  });
});

describe('NO_PROXY', () => {
  const isDirect = (entries: string, url: string): boolean => {
    const env = { HTTPS_PROXY: 'http://p:1', HTTP_PROXY: 'http://p:1', NO_PROXY: entries };
    return proxyFor(routesOf('environment', env), new URL(url)) === undefined;
  };

  test.each([
    ['acme.example', 'https://acme.example/d'],
    ['acme.example', 'https://ACME.example./d'],
    ['ACME.Example', 'https://api.acme.example'],
    ['.acme.example', 'https://api.acme.example'],
    ['.acme.example', 'https://acme.example'],
    ['*.acme.example', 'https://api.acme.example'],
    ['other, ,acme.example', 'https://acme.example'],
    ['other acme.example', 'https://acme.example'],
    ['acme.example:443', 'https://acme.example'],
    ['acme.example:8443', 'https://api.acme.example:8443'],
    ['acme.example:80', 'http://acme.example'],
    ['*', 'https://anything.example'],
    ['127.0.0.1', 'http://127.0.0.1:8080'],
    ['127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['10.0.0.0/8', 'https://10.200.3.4'],
    ['::1', 'https://[::1]'],
    ['[::1]', 'https://[::1]'],
    ['[::1]:8443', 'https://[::1]:8443'],
    ['fd00::/8', 'https://[fd12:3456::1]'],
    ['10.0.0.0/8', 'https://[::ffff:10.0.0.1]'],
    ['0:0:0:0:0:0:0:1', 'https://[::1]'],
  ])('%s: directly to %s', (entries, url) => {
    expect(isDirect(entries, url)).toBe(true);
  });

  test.each([
    ['acme.example', 'https://notacme.example'],
    ['acme.example', 'https://acme.example.evil.test'],
    ['api.acme.example', 'https://acme.example'],
    ['acme.example:8443', 'https://acme.example'],
    ['acme.example:443', 'http://acme.example'],
    ['10.0.0.0/8', 'https://11.0.0.1'],
    ['10.0.0.0/8', 'https://ten.example'],
    ['10.0.0.0/33', 'https://10.0.0.1'],
    ['10.0.0.1', 'https://10.0.0.10'],
    ['0.0.1', 'https://10.0.0.1'],
    ['::1', 'https://[::2]'],
    ['', 'https://acme.example'],
    ['.', 'https://acme.example'],
    ['acme.example:x', 'https://acme.example'],
  ])('%s: through the proxy to %s', (entries, url) => {
    expect(isDirect(entries, url)).toBe(false);
  });
});
