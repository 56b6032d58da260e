import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { TLS_WORDS } from '../../src/core/tls-cause.ts';
import { startNode } from '../support/node-process.ts';
import { startProxy } from '../support/proxies.ts';
import { routesOf } from '../support/proxy-routes.ts';
import { testDirectory } from '../support/waybill-process.ts';
import { certificates } from './certificates.ts';
import { serve } from './http-fixture.ts';
import { respond } from './scripted-server.ts';

const ACME = await certificates();
const PROXY = await certificates(['127.0.0.1']);
const CLIENT_HTTP = fileURLToPath(new URL('../../dist/src/http/client-http.js', import.meta.url));

/** Sends two requests through a proxy, says what came of them, and forgets to close. */
const FORGETFUL = `
  import { createClientHttp } from ${JSON.stringify(CLIENT_HTTP)};
  const [, url, ca, routes] = process.argv;
  const options = { connections: 2, timeoutMs: 60_000, allowPrivateNetwork: true, tls: { ca } };
  const http = createClientHttp({ ...options, proxy: JSON.parse(routes) });
  const post = () => http.post({ url, headers: [], body: '{}' });
  for (const result of [await post(), await post()]) console.log(result.status || result.kind, result.detail ?? '');
`;

describe.each(['http', 'https'])('an idle tunnel to an %s: target', (scheme) => {
  test.each(['http', 'https'])(
    'through an %s: proxy does not keep the process alive',
    async (proxyScheme) => {
      const server = await serve(
        (received) => respond(received, 200),
        scheme === 'https' ? ACME.server : undefined,
      );
      const proxy = await startProxy(undefined, proxyScheme === 'https' ? { tls: PROXY.server } : {});
      const authorities = join(testDirectory(), 'proxy-ca.pem');
      writeFileSync(authorities, PROXY.ca);
      const url = server.url.replace('127.0.0.1', 'localhost');
      const args = [
        '--input-type=module',
        '-e',
        FORGETFUL,
        url,
        ACME.ca,
        JSON.stringify(routesOf(proxy.url)),
      ];
      const child = startNode(args, { env: { NODE_EXTRA_CA_CERTS: authorities } });
      expect(await child.exit).toEqual({ code: 0, signal: null });
      expect(child.stdout).toBe('200 \n200 \n');
      expect(proxy.connects).toHaveLength(1);
    },
  );
});

test('an https: proxy whose certificate is not trusted is away', async () => {
  const proxy = await startProxy(undefined, { tls: PROXY.server });
  const args = ['--input-type=module', '-e', FORGETFUL, 'http://127.0.0.1:9/', ACME.ca];
  const child = startNode([...args, JSON.stringify(routesOf(proxy.url))]);
  await child.exit;
  const told = ` no TLS connection to proxy 127.0.0.1:${proxy.port}: ${TLS_WORDS.unknown_issuer}: "acme test authority" (UNABLE_TO_VERIFY_LEAF_SIGNATURE)\n`;
  expect(child.stdout).toBe(`proxy_away${told}`.repeat(2));
  expect(proxy.connects).toHaveLength(0);
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'an https: proxy that wants a certificate of ours, by %s, is away',
  async (version) => {
    const strict = { ...PROXY.server, ca: PROXY.ca, requestCert: true, rejectUnauthorized: true };
    const tls = { ...strict, minVersion: version, maxVersion: version };
    const proxy = await startProxy(undefined, { tls });
    const authorities = join(testDirectory(), 'proxy-ca.pem');
    writeFileSync(authorities, PROXY.ca);
    const args = ['--input-type=module', '-e', FORGETFUL, 'http://127.0.0.1:9/', ACME.ca];
    const child = startNode([...args, JSON.stringify(routesOf(proxy.url))], {
      env: { NODE_EXTRA_CA_CERTS: authorities },
    });
    await child.exit;
    const told = `proxy_away no TLS connection to proxy 127.0.0.1:${proxy.port}`;
    for (const line of child.stdout.trim().split('\n')) expect(line).toContain(told);
    expect(proxy.connects).toHaveLength(0);
  },
);
