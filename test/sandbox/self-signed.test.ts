import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { expect, onTestFinished, test } from 'vitest';
import { startCompany } from '../../src/sandbox/company.ts';
import { makeSelfSigned } from '../../src/sandbox/self-signed.ts';

const NOW = Date.UTC(2026, 2, 1, 14);

test('a certificate is signed by its own key, for a year, for the names and addresses that it is given', () => {
  const { cert, key } = makeSelfSigned('Acme', ['localhost', '127.0.0.1', '::1'], NOW);
  const read = new X509Certificate(cert);
  expect(read.subject).toBe('CN=Acme');
  expect(read.verify(read.publicKey)).toBe(true);
  expect(read.checkIssued(read)).toBe(true);
  expect(key).toContain('PRIVATE KEY');
  expect(read.validFrom).toBe('Feb 28 14:00:00 2026 GMT');
  expect(read.validTo).toBe('Mar  1 14:00:00 2027 GMT');
  expect(read.checkHost('localhost')).toBe('localhost');
  expect(read.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(read.checkIP('::1')).toBe('::1');
  expect(read.checkHost('returns.acme.example')).toBeUndefined();
});

test('certificates have serial numbers of their own, positive ones', () => {
  const serials = Array.from({ length: 20 }, () => {
    return new X509Certificate(makeSelfSigned('Acme', ['localhost'], NOW).cert).serialNumber;
  });
  expect(new Set(serials).size).toBe(20);
  for (const serial of serials) expect(serial).toMatch(/^01[0-9A-F]{30}$/);
});

test('long names of hosts fit', () => {
  const hosts = Array.from({ length: 40 }, (_, n) => `host-${n}.acme.example`);
  const read = new X509Certificate(makeSelfSigned('Acme', hosts, NOW).cert);
  expect(hosts.map((host) => read.checkHost(host))).toEqual(hosts);
});

test('whoever trusts the certificate connects, and nobody else', async () => {
  const pair = makeSelfSigned('Acme', ['127.0.0.1'], Date.now());
  const acme = await startCompany('acme', { tls: pair });
  onTestFinished(() => acme.close());
  const ask = (ca?: string) =>
    new Promise<unknown>((resolve) => {
      const asked = request(
        `${acme.baseUrl}/dispositions`,
        { method: 'POST', ...(ca && { ca }) },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        },
      );
      asked.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
      asked.end('{}');
    });
  expect(await ask(pair.cert)).toBe(200);
  expect(await ask()).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
});
