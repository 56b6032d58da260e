import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { certificates } from './certificates.ts';
import { client, MESSAGE, serve } from './http-fixture.ts';
import { type Received, respond, type ScriptedServer } from './scripted-server.ts';

const [FIRST, SECOND] = [
  await certificates(),
  await certificates(undefined, { authority: 'other authority' }),
];
const STRICT = { ca: [FIRST.ca, SECOND.ca], requestCert: true, rejectUnauthorized: true };

const FINGERPRINTS = [FIRST, SECOND].map((made) => new X509Certificate(made.client.cert).fingerprint256);

/** The certificates that were shown, by connection. */
const shown = ({ sockets }: ScriptedServer): (string | undefined)[] =>
  sockets.map((socket) => (socket as TLSSocket).getPeerX509Certificate()?.fingerprint256);

test('new certificates are shown on new connections, while one that is under way is finished', async () => {
  const waiting: Received[] = [];
  const server = await serve(
    (received) => (received.number === 1 ? waiting.push(received) : respond(received, 200)),
    { ...FIRST.server, ...STRICT },
  );
  const http = client({ tls: { ca: FIRST.ca, ...FIRST.client } });
  const post = () => http.post({ url: server.url.replace('127.0.0.1', 'localhost'), ...MESSAGE });
  const first = post();
  await until(async () => waiting.length === 1);
  http.renewTls({ ca: FIRST.ca, ...SECOND.client });
  expect(await post()).toMatchObject({ status: 200 });
  expect(shown(server)).toEqual(FINGERPRINTS);
  respond(waiting[0] as Received, 200);
  expect(await first).toMatchObject({ status: 200 });
});

test('no session of a connection with the old certificates is taken up again', async () => {
  const resumed: boolean[] = [];
  const answer = (received: Received): void => {
    resumed.push((received.socket as TLSSocket).isSessionReused());
    respond(received, 200, '', ['connection: close']);
  };
  const server = await serve(answer, { ...FIRST.server, ...STRICT, sessionIdContext: 'acme' });
  const http = client({ tls: { ca: FIRST.ca, ...FIRST.client } });
  const post = () => http.post({ url: server.url.replace('127.0.0.1', 'localhost'), ...MESSAGE });
  for (let n = 0; n < 2; n += 1) expect(await post()).toMatchObject({ status: 200 });
  http.renewTls({ ca: FIRST.ca, ...SECOND.client });
  for (let n = 0; n < 2; n += 1) expect(await post()).toMatchObject({ status: 200 });
  expect(resumed).toEqual([false, true, false, true]);
});

test('an authority that is replaced is what the next connection is judged by', async () => {
  const server = await serve((received) => respond(received, 200, '', ['connection: close']), SECOND.server);
  const http = client({ tls: { ca: FIRST.ca } });
  const post = () => http.post({ url: server.url.replace('127.0.0.1', 'localhost'), ...MESSAGE });
  expect(await post()).toMatchObject({ failureClass: 'tls' });
  http.renewTls({ ca: SECOND.ca });
  expect(await post()).toMatchObject({ status: 200 });
  http.renewTls({ ca: FIRST.ca });
  expect(await post()).toMatchObject({ failureClass: 'tls' });
});
