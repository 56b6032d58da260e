import { expect, test } from 'vitest';
import { certificatesIn } from '../../src/config/certificates.ts';
import { certificates } from '../http/certificates.ts';

test('the certificates of a PEM text are told in its order, by common name and time', async () => {
  const end = new Date('2031-01-02T03:04:05Z');
  const { ca, server } = await certificates(['localhost'], end);
  const [first, second, ...others] = certificatesIn(`a comment\n${server.cert}\n${server.key}\n${ca}`);
  expect(first).toMatchObject({ subject: 'endpoint', issuer: 'acme test authority', validTo: end.getTime() });
  expect(second?.subject).toBe('acme test authority');
  expect(others).toEqual([]);
});

test('a certificate that cannot be read is left out', () => {
  expect(certificatesIn('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')).toEqual([]);
});
