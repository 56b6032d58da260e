import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startForeignServer, whyNoServer } from '../support/foreign-server.ts';
import { certificates } from './certificates.ts';
import { client, MESSAGE, serve } from './http-fixture.ts';

const ACME = await certificates();
const STRANGER = await certificates();

/** Starts nginx with one server, of these directives; @returns its port */
async function nginx(server: (port: number, directory: string) => string): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'waybill-nginx-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  for (const [name, text] of [
    ['ca', ACME.ca],
    ['cert', ACME.server.cert],
    ['key', ACME.server.key],
  ]) {
    writeFileSync(join(directory, `${name}.pem`), text ?? '');
  }
  mkdirSync(join(directory, 'logs'));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${directory}/${kind};`,
  );
  const started = await startForeignServer('nginx', (port) => {
    const config = `daemon off; master_process off; pid ${directory}/pid; error_log stderr;
      events {}
      http { access_log off; ${temporary.join(' ')} server { ${server(port, directory)} } }`;
    writeFileSync(join(directory, 'nginx.conf'), config);
    return ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', 'stderr'];
  });
  return started.port;
}

describe('nginx', { skip: whyNoServer('nginx') !== undefined }, () => {
  const verifying = (port: number, directory: string): string =>
    `listen 127.0.0.1:${port} ssl; ssl_certificate ${directory}/cert.pem; ssl_certificate_key ${directory}/key.pem;
     ssl_client_certificate ${directory}/ca.pem; ssl_verify_client on; return 200;`;

  test.each([
    ['none is shown', {}, 400, 'No required SSL certificate was sent'],
    ['a strange one is shown', STRANGER.client, 400, 'The SSL certificate error'],
    ['its own is shown', ACME.client, 200, ''],
  ])('wants a client certificate, and %s', async (_name, own, status, words) => {
    const port = await nginx(verifying);
    const result = await client({ tls: { ca: ACME.ca, ...own } }).post({
      ...MESSAGE,
      url: `https://localhost:${port}/`,
    });
    expect(result).toMatchObject({ kind: 'answer', status, body: expect.stringContaining(words) });
    if (status === 400)
      expect(result).toMatchObject({
        headers: { server: expect.stringMatching(/^nginx/), 'content-type': 'text/html' },
      });
  });

  test('is sent plain HTTP at its port for TLS: that is an answer', async () => {
    const port = await nginx(verifying);
    const result = await client().post({ ...MESSAGE, url: `http://localhost:${port}/` });
    const body = expect.stringContaining('The plain HTTP request was sent to HTTPS port');
    expect(result).toMatchObject({ kind: 'answer', status: 400, body });
  });

  test('takes no body of this size: 413 is the answer', async () => {
    const port = await nginx(
      (listening) =>
        `listen 127.0.0.1:${listening}; client_max_body_size 1k; location / { proxy_pass http://127.0.0.1:9; }`,
    );
    const result = await client().post({
      ...MESSAGE,
      url: `http://localhost:${port}/`,
      body: 'x'.repeat(200_000),
    });
    expect(result).toMatchObject({ kind: 'answer', status: 413 });
  });

  test('leads to another URL: its Location is told', async () => {
    const port = await nginx(
      (listening) => `listen 127.0.0.1:${listening}; return 301 https://localhost/new?key=1;`,
    );
    const result = await client().post({ ...MESSAGE, url: `http://localhost:${port}/` });
    expect(result).toMatchObject({ status: 301, location: 'https://localhost/new?key=1' });
  });

  test('waits for a server that does not answer: no answer in time', async () => {
    const upstream = await serve(() => {});
    const port = await nginx(
      (listening) =>
        `listen 127.0.0.1:${listening}; location / { proxy_pass http://127.0.0.1:${upstream.port}; }`,
    );
    const result = await client({ timeoutMs: 1_000 }).post({ ...MESSAGE, url: `http://localhost:${port}/` });
    const detail = `no answer from localhost:${port} within 1000 ms`;
    expect(result).toEqual({ kind: 'no_answer', failureClass: 'timeout', detail });
  });
});
