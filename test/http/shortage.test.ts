import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startNode } from '../support/node-process.ts';
import { certificates } from './certificates.ts';
import { serve } from './http-fixture.ts';
import { type Received, respond } from './scripted-server.ts';

const PORTS = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().replace('\t', ' to ');
const TLS = await certificates();
const CLIENT_HTTP = fileURLToPath(new URL('../../dist/src/http/client-http.js', import.meta.url));

/** Runs a script that has `post(url)` and tells what came of things. */
function startScript(script: string, args: readonly string[], openFiles?: number) {
  const source = `
    import { closeSync, openSync } from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    import net from 'node:net';
    import { createClientHttp } from ${JSON.stringify(CLIENT_HTTP)};
    const options = { connections: 200, timeoutMs: 60_000, allowPrivateNetwork: true };
    const http = createClientHttp(options);
    const post = (url) => http.post({ url, headers: [], body: '{}' });
    const tell = (msg, result) => console.log(JSON.stringify({ msg, result }));
    const [url, ca] = process.argv.slice(1);
    ${script}
    await http.close();
  `;
  const limit = openFiles === undefined ? {} : { openFiles };
  return startNode(['--input-type=module', '-e', source, ...args], limit);
}

const EMFILE = (where: string) => ({
  kind: 'shortage',
  code: 'EMFILE',
  detail: `no connection to ${where}: this process has no file descriptor left: its limit is "ulimit -n", 64 (EMFILE)`,
});

test('200 requests at once with 64 open files: those without a socket are a shortage, and it passes', async () => {
  const held: Received[] = [];
  let isHeld = true;
  const answer = (received: Received): void => respond(received, 200, '');
  const server = await serve((received) => (isHeld ? void held.push(received) : answer(received)));
  const child = startScript(
    `
    const results = await Promise.all(Array.from({ length: 200 }, async () => {
      const result = await post(url);
      if (result.kind === 'shortage') tell('short', result);
      return result.kind;
    }));
    tell('all', results);
    tell('afterwards', await post(url));
    `,
    [server.url],
    64,
  );
  const where = `127.0.0.1:${server.port}`;
  expect(await child.waitForLine('short')).toMatchObject({ result: EMFILE(where) });
  isHeld = false;
  for (const received of held) answer(received);
  const { result } = await child.waitForLine('all');
  const kinds = result as string[];
  const answers = kinds.filter((kind) => kind === 'answer').length;
  expect(answers).toBeGreaterThan(10);
  expect(kinds.filter((kind) => kind === 'shortage')).toHaveLength(200 - answers);
  expect(await child.waitForLine('afterwards')).toMatchObject({ result: { kind: 'answer', status: 200 } });
  expect(await child.exit).toEqual({ code: 0, signal: null });
});

test('without a file descriptor nothing is reached, neither a name nor TLS, and nobody is to blame', async () => {
  const server = await serve((received) => respond(received, 200, ''), TLS.server);
  const child = startScript(
    `
    const opened = [];
    const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
    const lookup = (_name, _options, found) => process.nextTick(found, null, addresses);
    const named = createClientHttp({ ...options, lookup, tls: { ca } });
    try {
      for (;;) opened.push(openSync('/dev/null'));
    } catch {}
    const byName = url.replace('127.0.0.1', 'localhost');
    const unknown = url.replace('127.0.0.1', 'no-such-name.invalid');
    tell('literal', await post(url));
    tell('name', await post(byName));
    tell('unknown name', await post(unknown));
    tell('several addresses', await named.post({ url: byName, headers: [], body: '{}' }));
    for (const file of opened) closeSync(file);
    tell('afterwards', await named.post({ url: byName, headers: [], body: '{}' }));
    await named.close();
    `,
    [server.url, TLS.ca],
    64,
  );
  const at = (host: string) => ({ result: EMFILE(`${host}:${server.port}`) });
  expect(await child.waitForLine('literal')).toMatchObject(at('127.0.0.1'));
  expect(await child.waitForLine('name')).toMatchObject(at('localhost'));
  expect(await child.waitForLine('unknown name')).toMatchObject(at('no-such-name.invalid'));
  expect(await child.waitForLine('several addresses')).toMatchObject(at('localhost'));
  expect(await child.waitForLine('afterwards')).toMatchObject({ result: { kind: 'answer', status: 200 } });
});

test('EADDRNOTAVAIL is a refusal until this process has connected once, and then a shortage of ports', async () => {
  const server = await serve((received) => respond(received, 200, '', ['connection: close']));
  const child = startScript(
    `
    // An address that no machine has (RFC 5737): the socket cannot be bound.
    const connect = net.connect;
    let isBound = true;
    net.connect = (to, ...more) => connect(isBound ? { ...to, localAddress: '192.0.2.1' } : to, ...more);
    syncBuiltinESMExports();
    tell('before', await post(url));
    isBound = false;
    tell('connected', await post(url));
    isBound = true;
    tell('after', await post(url));
    `,
    [server.url],
  );
  const where = `127.0.0.1:${server.port}`;
  expect(await child.waitForLine('before')).toMatchObject({
    result: {
      kind: 'no_answer',
      failureClass: 'refused',
      detail: `no connection to ${where} (EADDRNOTAVAIL)`,
    },
  });
  expect(await child.waitForLine('connected')).toMatchObject({ result: { kind: 'answer', status: 200 } });
  expect(await child.waitForLine('after')).toMatchObject({
    result: {
      kind: 'shortage',
      code: 'EADDRNOTAVAIL',
      detail: `no connection to ${where}: this machine has no local port left: its limit is net.ipv4.ip_local_port_range, ${PORTS} (EADDRNOTAVAIL)`,
    },
  });
});
