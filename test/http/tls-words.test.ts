import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { generate } from 'selfsigned';
import { afterAll, describe, expect, test } from 'vitest';
import { TLS_WORDS, type TlsCause, tlsCauseIn } from '../../src/core/tls-cause.ts';
import type { HttpOptions } from '../../src/http/client-http.ts';
import { describeFailure, explainError } from '../../src/http/describe-failure.ts';
import { wasHandshaking, watchTls } from '../../src/http/tls-failure.ts';
import { startForeignServer, whyNoServer } from '../support/foreign-server.ts';
import { certificates } from './certificates.ts';
import { client, MESSAGE, serve, serveRaw } from './http-fixture.ts';
import { type Received, respond } from './scripted-server.ts';

const ACME = await certificates();
const STRANGER = await certificates();
const OTHER_NAMES = await certificates([
  'a.acme.example',
  'b.acme.example',
  'c.acme.example',
  'd.acme.example',
]);
const EXPIRED = await certificates(['localhost'], new Date('2026-03-01T12:00:00Z'));
const TOO_NEW = await certificates(['localhost'], {
  server: new Date(Date.now() + 30 * 86_400_000),
  serverFrom: new Date(Date.now() + 29 * 86_400_000),
});

const directory = mkdtempSync(join(tmpdir(), 'waybill-tls-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const FILES = {
  ca: file('ca.pem', ACME.ca),
  cert: file('server.pem', ACME.server.cert),
  key: file('server-key.pem', ACME.server.key),
};

/** Certificates that an intermediate authority signed. */
async function chainOf(organisation: string) {
  const authority = { keyType: 'ec', algorithm: 'sha256', ca: { key: ACME.caKey, cert: ACME.ca } } as const;
  const names = [
    { name: 'commonName', value: 'acme intermediate' },
    { name: 'organizationName', value: organisation },
  ];
  const basic = { name: 'basicConstraints', cA: true, critical: true } as const;
  const between = await generate(names, { ...authority, extensions: [basic] });
  const ca = { key: between.private, cert: between.cert };
  const own = await generate([{ name: 'commonName', value: 'endpoint' }], {
    ...{ ...authority, ca },
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  });
  return { key: own.private, cert: own.cert, between: between.cert };
}

/** A certificate of ours that no authority signed. */
const OWN = await generate([{ name: 'commonName', value: 'waybill' }], {
  keyType: 'ec',
  algorithm: 'sha256',
}).then((made) => ({ key: made.private, cert: made.cert }));
const PRIVATE = await chainOf('acme');
const PUBLIC = await chainOf('DigiCert Inc');

const ok = (received: Received): void => respond(received, 200);

interface Trial {
  readonly tls?: NonNullable<HttpOptions['tls']>;
  readonly timeoutMs?: number;
}

async function failureAt(port: number, { tls = { ca: ACME.ca }, timeoutMs = 20_000 }: Trial = {}) {
  const http = client({ tls, timeoutMs });
  const details: string[] = [];
  // The second time after the failure of the first.
  for (let n = 0; n < 2; n += 1) {
    const result = await http.post({ ...MESSAGE, url: `https://localhost:${port}/` });
    if (result.kind !== 'no_answer') throw new Error(JSON.stringify(result));
    details.push(result.detail.replace(`localhost:${port}`, 'it'));
  }
  expect(tlsCauseIn(details[1] ?? '')).toBe(tlsCauseIn(details[0] ?? ''));
  expect(details[0]).not.toContain('secret');
  return details[0] ?? '';
}

describe("openssl's server", { skip: whyNoServer('openssl') !== undefined }, () => {
  const ASKS = ['-Verify', '1', '-verify_return_error', '-CAfile', FILES.ca];
  const unknown = { ca: ACME.ca, ...OWN };
  const trials: readonly [string, readonly string[], NonNullable<Trial['tls']>, TlsCause, RegExp][] = [
    [
      'wants a certificate, TLS 1.3',
      [...ASKS, '-tls1_3'],
      { ca: ACME.ca },
      'certificate_wanted',
      /(?:ALERT_CERTIFICATE_REQUIRED\)|and we have none)$/,
    ],
    [
      'wants a certificate, TLS 1.2',
      [...ASKS, '-tls1_2'],
      { ca: ACME.ca },
      'certificate_wanted',
      /ALERT_HANDSHAKE_FAILURE\)$/,
    ],
    [
      'knows the authority of ours not, TLS 1.3',
      [...ASKS, '-tls1_3'],
      unknown,
      'certificate_refused',
      /ALERT_UNKNOWN_CA\)$/,
    ],
    [
      'knows the authority of ours not, TLS 1.2',
      [...ASKS, '-tls1_2'],
      unknown,
      'certificate_refused',
      /ALERT_UNKNOWN_CA\)$/,
    ],
    ['speaks HTTP/2 only', ['-alpn', 'h2'], { ca: ACME.ca }, 'http2_only', /NO_APPLICATION_PROTOCOL\)$/],
    [
      'speaks TLS 1.1 only',
      ['-tls1_1', '-cipher', 'DEFAULT:@SECLEVEL=0'],
      { ca: ACME.ca },
      'old_protocol',
      /ALERT_PROTOCOL_VERSION\)$/,
    ],
    [
      'has other cipher suites',
      ['-tls1_2', '-cipher', 'AECDH'],
      { ca: ACME.ca },
      'nothing_shared',
      /ALERT_HANDSHAKE_FAILURE\)$/,
    ],
  ];

  test.each(trials)('%s', async (_name, args, tls, cause, code) => {
    const server = await startForeignServer('openssl', (port) => [
      ...['s_server', '-accept', `127.0.0.1:${port}`, '-www', '-cert', FILES.cert, '-key', FILES.key],
      ...args,
    ]);
    const detail = await failureAt(server.port, { tls });
    expect(detail).toContain(`: ${TLS_WORDS[cause]}`);
    expect(detail).toMatch(code);
    expect(tlsCauseIn(detail)).toBe(cause);
  });
});

describe("Node's server", () => {
  const asks = { ...ACME.server, ca: ACME.ca, requestCert: true, rejectUnauthorized: true };

  test.each([
    [
      'closes without an alert on a certificate of ours',
      asks,
      { ca: ACME.ca, ...OWN },
      `it closed the connection before it had answered: ${TLS_WORDS.certificate_doubted}`,
    ],
    [
      'has a certificate of an authority with a known name',
      STRANGER.server,
      { ca: ACME.ca },
      `no TLS connection to it: ${TLS_WORDS.untrusted}: "acme test authority" (CERT_SIGNATURE_FAILURE)`,
    ],
    [
      'sends no intermediate of a private authority',
      PRIVATE,
      { ca: ACME.ca },
      `no TLS connection to it: ${TLS_WORDS.unknown_issuer}: "acme intermediate" (UNABLE_TO_VERIFY_LEAF_SIGNATURE)`,
    ],
    [
      'sends no intermediate of a public authority',
      PUBLIC,
      undefined,
      `no TLS connection to it: ${TLS_WORDS.incomplete_chain}: "acme intermediate" (UNABLE_TO_VERIFY_LEAF_SIGNATURE)`,
    ],
    [
      'sends a chain to an unknown authority',
      { ...PRIVATE, cert: `${PRIVATE.cert}\n${PRIVATE.between}` },
      undefined,
      `no TLS connection to it: ${TLS_WORDS.untrusted}: "acme test authority" (UNABLE_TO_GET_ISSUER_CERT_LOCALLY)`,
    ],
    [
      'sends an unknown authority along',
      { ...ACME.server, cert: `${ACME.server.cert}\n${ACME.ca}` },
      undefined,
      `no TLS connection to it: ${TLS_WORDS.untrusted}: "acme test authority" (SELF_SIGNED_CERT_IN_CHAIN)`,
    ],
    [
      'signed its certificate itself',
      { key: ACME.caKey, cert: ACME.ca },
      undefined,
      `no TLS connection to it: ${TLS_WORDS.self_signed} (DEPTH_ZERO_SELF_SIGNED_CERT)`,
    ],
    [
      'has a certificate for other names',
      OTHER_NAMES.server,
      { ca: OTHER_NAMES.ca },
      `no TLS connection to it: ${TLS_WORDS.wrong_name}: "a.acme.example", "b.acme.example", "c.acme.example", … (ERR_TLS_CERT_ALTNAME_INVALID)`,
    ],
    [
      'has a certificate of the past',
      EXPIRED.server,
      { ca: EXPIRED.ca },
      `no TLS connection to it: ${TLS_WORDS.expired} on 2026-03-01 (CERT_HAS_EXPIRED)`,
    ],
    [
      'has a certificate of the future',
      TOO_NEW.server,
      { ca: TOO_NEW.ca },
      `no TLS connection to it: ${TLS_WORDS.not_yet_valid}: it is from ${dayOf(29)} (CERT_NOT_YET_VALID)`,
    ],
  ] as const)('%s', async (_name, server, tls, detail) => {
    const { port } = await serve(ok, server);
    expect(await failureAt(port, tls === undefined ? { tls: {} } : { tls })).toBe(detail);
  });
});

test('a chain in the wrong order, with its root in between, is put in order here: there is nothing to say', async () => {
  const cert = [PRIVATE.cert, ACME.ca, PRIVATE.between].join('\n');
  const { port } = await serve(ok, { key: PRIVATE.key, cert });
  await expect(failureAt(port, { tls: { ca: ACME.ca } })).rejects.toThrow('"kind":"answer"');
});

function dayOf(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}

describe('a server without TLS behind https:', () => {
  test.each([
    ['that speaks HTTP/1.1', 'HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'],
    ['that speaks SSH', 'SSH-2.0-OpenSSH_9.2p1\r\n'],
  ])('%s', async (_name, bytes) => {
    const server = await serveRaw((socket) => socket.end(bytes));
    expect(await failureAt(server.port)).toBe(
      `no TLS connection to it: ${TLS_WORDS.plain_text} (ERR_SSL_WRONG_VERSION_NUMBER)`,
    );
  });

  test('that closes', async () => {
    const server = await serveRaw((socket) => socket.once('data', () => socket.destroy()));
    expect(await failureAt(server.port)).toBe(
      'it closed the connection during the TLS handshake (ECONNRESET)',
    );
  });

  test('that says nothing: the handshake has no end, which is told apart from the connection', async () => {
    const server = await serveRaw(() => {});
    expect(await failureAt(server.port, { timeoutMs: 200 })).toBe(
      'no end of the TLS handshake with it within 200 ms',
    );
  });
});

test('what a bare TLS connection fails with is told in the same words', async () => {
  const asks = { ...ACME.server, ca: ACME.ca, requestCert: true, maxVersion: 'TLSv1.2' } as const;
  const { port } = await serve(ok, { ...asks, rejectUnauthorized: true });
  const failure = async (isWatched: boolean): Promise<string> => {
    const socket = connect({ port, host: 'localhost', ca: ACME.ca });
    if (isWatched) watchTls(socket);
    const [error] = (await once(socket, 'error')) as [Error];
    const stage = wasHandshaking(error) ? 'handshake' : 'connecting';
    return describeFailure(explainError(error), 'it', 1_000, stage);
  };
  expect(await failure(true)).toContain(`no TLS connection to it: ${TLS_WORDS.certificate_wanted} (`);
  expect(await failure(false)).toContain(`no TLS connection to it: ${TLS_WORDS.nothing_shared} (`);
});
