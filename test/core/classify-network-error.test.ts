import { expect, test } from 'vitest';
import { classifyNetworkError, shortageIn } from '../../src/core/classify-network-error.ts';

test.each([
  ['ECONNREFUSED', 'refused'],
  ['EHOSTUNREACH', 'refused'],
  ['ENETUNREACH', 'refused'],
  ['ECONNRESET', 'reset'],
  ['EPIPE', 'reset'],
  ['ENOTFOUND', 'dns'],
  ['EAI_AGAIN', 'dns'],
  ['EAI_FAIL', 'dns'],
  ['CERT_HAS_EXPIRED', 'tls'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls'],
  ['EPROTO', 'tls'],
  ['ETIMEDOUT', 'timeout'],
  ['ERR_SOCKET_CONNECTION_TIMEOUT', 'timeout'],
  ['constructor', 'reset'],
  ['SOMETHING_NEW', 'reset'],
])('%s is %s', (code, failureClass) => {
  expect(classifyNetworkError(code)).toBe(failureClass);
});

const errorWith = (fields: object): Error => Object.assign(new Error('connect failed'), fields);

test.each(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])('%s is a shortage of this machine', (code) => {
  expect(shortageIn(errorWith({ code }), new Set())).toMatchObject({ code });
});

test.each(['ECONNREFUSED', 'ENOTFOUND', 'ECONNRESET', 'constructor', undefined])('%s is none', (code) => {
  expect(shortageIn(errorWith({ code }), new Set(['IPv4', 'IPv6']))).toBeUndefined();
});

test.each([
  ['192.0.2.1', 'IPv4', 'IPv6'],
  ['2001:db8::1', 'IPv6', 'IPv4'],
])(
  'EADDRNOTAVAIL for %s is a shortage of ports only if this process has reached %s',
  (address, own, other) => {
    const error = errorWith({ code: 'EADDRNOTAVAIL', address });
    expect(shortageIn(error, new Set([own]))).toMatchObject({ code: 'EADDRNOTAVAIL' });
    expect(shortageIn(error, new Set([other]))).toBeUndefined();
    expect(shortageIn(error, new Set())).toBeUndefined();
  },
);

test('of several addresses, one that was short is enough', () => {
  const refused = errorWith({ code: 'ECONNREFUSED', address: '2001:db8::1' });
  const short = errorWith({ code: 'EMFILE', address: '192.0.2.1' });
  const all = new AggregateError([refused, short]);
  expect(shortageIn(Object.assign(all, { code: 'ECONNREFUSED' }), new Set())).toMatchObject({
    code: 'EMFILE',
  });
  expect(shortageIn(new AggregateError([refused, refused]), new Set())).toBeUndefined();
});
