import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { startNode } from '../support/node-process.ts';
import { certificates } from './certificates.ts';
import { serve } from './http-fixture.ts';
import { respond } from './scripted-server.ts';

const TLS = await certificates();
const CLIENT_HTTP = fileURLToPath(new URL('../../dist/src/http/client-http.js', import.meta.url));

/** Sends a request and forgets to close. */
const FORGETFUL = `
  import { createClientHttp } from ${JSON.stringify(CLIENT_HTTP)};
  const [, url, ca] = process.argv;
  const http = createClientHttp({ connections: 2, timeoutMs: 60_000, allowPrivateNetwork: true, tls: { ca } });
  console.log((await http.post({ url, headers: [], body: '{}' })).status);
`;

/** Says whether its connection keeps it alive, idle and carrying a request, and ends. */
const CARRYING = `
  import { setImmediate } from 'node:timers/promises';
  import { createClientHttp } from ${JSON.stringify(CLIENT_HTTP)};
  const [, url, ca] = process.argv;
  const http = createClientHttp({ connections: 2, timeoutMs: 60_000, allowPrivateNetwork: true, tls: { ca } });
  const post = () => http.post({ url, headers: [], body: '{}' });
  const isAlive = async () => {
    for (let turn = 0; turn < 5; turn += 1) await setImmediate();
    return process.getActiveResourcesInfo().some((name) => /^(TCP|TLS)/.test(name));
  };
  await post();
  console.log('idle:', await isAlive());
  post();
  console.log('carrying:', await isAlive());
  await http.close();
`;

describe.each(['http', 'https'])('a connection that is idle, over %s', (protocol) => {
  test('does not keep the process alive, whatever the server says', async () => {
    const server = await serve(
      (received) => respond(received, 200, '', ['keep-alive: timeout=600']),
      protocol === 'https' ? TLS.server : undefined,
    );
    const url = server.url.replace('127.0.0.1', 'localhost');
    const child = startNode(['--input-type=module', '-e', FORGETFUL, url, TLS.ca]);
    expect(await child.exit).toEqual({ code: 0, signal: null });
    expect(child.stdout).toBe('200\n');
  });

  test('keeps it alive again as soon as it carries a request', async () => {
    const server = await serve(
      (received) => received.number === 1 && respond(received, 200),
      protocol === 'https' ? TLS.server : undefined,
    );
    const url = server.url.replace('127.0.0.1', 'localhost');
    const child = startNode(['--input-type=module', '-e', CARRYING, url, TLS.ca]);
    expect(await child.exit).toEqual({ code: 0, signal: null });
    expect(child.stdout).toBe('idle: false\ncarrying: true\n');
    expect(server.sockets).toHaveLength(1);
  });
});
