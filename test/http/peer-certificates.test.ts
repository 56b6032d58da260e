import { constants } from 'node:crypto';
import { once } from 'node:events';
import { connect, type TLSSocket, type TlsOptions } from 'node:tls';
import { generate } from 'selfsigned';
import { expect, test } from 'vitest';
import type { CertificateFacts } from '../../src/config/certificates.ts';
import { PeerCertificates, peerChain } from '../../src/http/peer-certificates.ts';
import { certificates } from './certificates.ts';
import { client, MESSAGE, serve } from './http-fixture.ts';
import { type Received, respond } from './scripted-server.ts';

/** Whole seconds, as certificates have them. */
const END = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 30 * 86_400_000);
const ACME = await certificates(undefined, { server: END, ca: END });
const EXPIRED = await certificates(undefined, {
  server: new Date(Date.now() - 3_600_000),
  authority: 'other authority',
});

type Shown = [peer: string, chain: readonly CertificateFacts[]];

function watching(tls: { readonly ca?: string }) {
  const shown: Shown[] = [];
  const http = client({ tls, onPeerCertificates: (...one) => void shown.push(one) });
  const post = (port: number) => http.post({ url: `https://localhost:${port}/`, ...MESSAGE });
  return { shown, post };
}

const closing = (received: Received): void => respond(received, 200, '', ['connection: close']);

/** A server's certificate with the intermediate that signed it. */
async function withIntermediate(): Promise<TlsOptions> {
  const common = { keyType: 'ec', algorithm: 'sha256', notAfterDate: END } as const;
  const intermediate = await generate([{ name: 'commonName', value: 'intermediate' }], {
    ...common,
    ca: { key: ACME.caKey, cert: ACME.ca },
    extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
  });
  const leaf = await generate([{ name: 'commonName', value: 'leaf' }], {
    ...common,
    ca: { key: intermediate.private, cert: intermediate.cert },
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  });
  return { key: leaf.private, cert: `${leaf.cert}\n${intermediate.cert}` };
}

test('the certificates of a server are told once, with those that it sends along, without the root', async () => {
  const resumed: boolean[] = [];
  const answer = (received: Received): void => {
    resumed.push((received.socket as TLSSocket).isSessionReused());
    closing(received);
  };
  const server = await serve(answer, await withIntermediate());
  const { shown, post } = watching({ ca: ACME.ca });
  for (let n = 0; n < 3; n += 1) expect(await post(server.port)).toMatchObject({ status: 200 });
  expect(resumed).toEqual([false, true, true]);
  expect(shown).toEqual([
    [
      `localhost:${server.port}`,
      [
        expect.objectContaining({ subject: 'leaf', issuer: 'intermediate', validTo: END.getTime() }),
        expect.objectContaining({ subject: 'intermediate', issuer: 'acme test authority' }),
      ],
    ],
  ]);
});

test('a self-signed certificate is told though it is refused', async () => {
  const server = await serve(closing, { cert: ACME.ca, key: ACME.caKey });
  const { shown, post } = watching({});
  expect(await post(server.port)).toMatchObject({ failureClass: 'tls' });
  expect(shown.map(([, chain]) => chain.map(({ subject }) => subject))).toEqual([['acme test authority']]);
});

test('without session tickets one certificate is told once, and its successor when it is there', async () => {
  const { shown, post } = watching({ ca: `${ACME.ca}\n${EXPIRED.ca}` });
  const sessionless = {
    ...ACME.server,
    maxVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET,
  } as const;
  const first = await serve(closing, sessionless);
  for (let n = 0; n < 3; n += 1) expect(await post(first.port)).toMatchObject({ status: 200 });
  expect(shown).toHaveLength(1);
  await first.close();
  const second = await serve(closing, EXPIRED.server, first.port);
  for (let n = 0; n < 3; n += 1) expect(await post(second.port)).toMatchObject({ failureClass: 'tls' });
  // Also one that is refused because it has ended.
  expect(shown.map(([, [leaf]]) => (leaf?.validTo ?? 0) < Date.now())).toEqual([false, true]);
});

test('a server that is reached without TLS has none to tell', async () => {
  const server = await serve((received) => respond(received, 200));
  const shown: Shown[] = [];
  const http = client({ onPeerCertificates: (...one) => void shown.push(one) });
  expect(await http.post({ url: server.url, ...MESSAGE })).toMatchObject({ status: 200 });
  expect(shown).toEqual([]);
});

test('a certificate without a subject is told by the names of its hosts', async () => {
  const made = await generate([], {
    ...{ keyType: 'ec', algorithm: 'sha256', ca: { key: ACME.caKey, cert: ACME.ca } },
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  });
  const server = await serve(closing, { key: made.private, cert: made.cert });
  const { shown, post } = watching({ ca: ACME.ca });
  expect(await post(server.port)).toMatchObject({ status: 200 });
  expect(shown.map(([, [leaf]]) => leaf?.subject)).toEqual(['DNS:localhost']);
});

test('a certificate that cannot be read is told nothing of, and ends nothing', async () => {
  const server = await serve(closing, ACME.server);
  const shown: Shown[] = [];
  // Otherwise Node reads it as well, to judge its names.
  const socket = connect({ host: 'localhost', port: server.port, rejectUnauthorized: false });
  socket.getPeerCertificate = () => {
    throw new Error('cannot be read');
  };
  new PeerCertificates((...one) => void shown.push(one)).watch(`localhost:${server.port}`, socket);
  await once(socket, 'secureConnect');
  expect(peerChain(socket)).toEqual([]);
  socket.destroy();
  expect(shown).toEqual([]);
});
