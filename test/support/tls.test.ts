import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { testCertificates } from './tls.ts';

test('each test certificate has the property in its name', async () => {
  const made = await testCertificates();
  const ca = new X509Certificate(made.ca);
  const read = (pair: { cert: string }) => new X509Certificate(pair.cert);
  const [valid, expired, wrongHost, selfSigned] = [
    made.valid,
    made.expired,
    made.wrongHost,
    made.selfSigned,
  ].map(read);
  const now = Date.now();
  for (const signed of [valid, expired, wrongHost, read(made.client)])
    expect(signed?.verify(ca.publicKey)).toBe(true);
  expect(selfSigned?.verify(ca.publicKey)).toBe(false);
  for (const local of [valid, expired, selfSigned]) {
    expect(local?.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(local?.checkHost('localhost')).toBe('localhost');
  }
  expect(wrongHost?.checkIP('127.0.0.1')).toBeUndefined();
  expect(Date.parse(valid?.validTo ?? '')).toBeGreaterThan(now);
  expect(Date.parse(expired?.validTo ?? '')).toBeLessThan(now);
  expect(await testCertificates()).toBe(made);
});
