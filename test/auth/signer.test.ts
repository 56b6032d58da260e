import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { createSigner, type Signer } from '../../src/auth/signer.ts';
import { createMask } from '../../src/core/mask-secrets.ts';
import { AWS_KEY, awsSignatureOf, isSignedBy, webhookSecret } from '../support/signatures.ts';

const URL = 'https://returns.acme.example/dispositions';
const EVENT = { id: '0198c2b1-7e5a-7c3e-9d0f-2f1d5a0b6c7d', body: '{"note":"Grüße, 世界 \u{1f4e6}"}' };
const [OLD, NEW] = [webhookSecret(1), webhookSecret(2)];
const NOW = 1_790_000_000_999;
const NONE = { type: 'none' } as const;

/** The headers that a signer adds, by their names in lower case. */
function headersOf(signer: Signer | undefined, now = NOW): Record<string, string> {
  const request = { event: EVENT, url: URL, contentType: 'application/json', now };
  const added = signer?.sign(request) ?? [];
  const pairs = added.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), added[at + 1]]] : []));
  return Object.fromEntries(pairs);
}

test('a client without signing and AWS credentials has no signer', () => {
  expect(createSigner(NONE, undefined)).toBeUndefined();
  expect(createSigner({ type: 'bearer', token: 'a-token' }, undefined)).toBeUndefined();
});

describe('Standard Webhooks', () => {
  test('one secret: the id, the second, and the signature that the library makes', () => {
    const signature = new Webhook(OLD).sign(EVENT.id, new Date(NOW), EVENT.body);
    expect(headersOf(createSigner(NONE, { secrets: [OLD] }))).toEqual({
      'webhook-id': EVENT.id,
      'webhook-timestamp': '1790000000',
      'webhook-signature': signature,
    });
  });

  test('two secrets: a signature by each, the first one first', () => {
    const headers = headersOf(createSigner(NONE, { secrets: [NEW, OLD] }));
    const each = [NEW, OLD].map((secret) => new Webhook(secret).sign(EVENT.id, new Date(NOW), EVENT.body));
    expect(headers['webhook-signature']).toBe(each.join(' '));
  });

  test('a secret without its prefix signs the same', () => {
    const bare = createSigner(NONE, { secrets: [OLD.slice('whsec_'.length)] });
    expect(headersOf(bare)).toEqual(headersOf(createSigner(NONE, { secrets: [OLD] })));
  });

  test('the library refuses another body, id, time or secret', () => {
    const headers = headersOf(createSigner(NONE, { secrets: [OLD] }), Date.now());
    const request = { headers, path: '/dispositions', body: EVENT.body };
    expect(isSignedBy(OLD, request)).toBe(true);
    expect(isSignedBy(NEW, request)).toBe(false);
    expect(isSignedBy(OLD, { ...request, body: `${EVENT.body} ` })).toBe(false);
    expect(isSignedBy(OLD, { ...request, headers: { ...headers, 'webhook-id': 'other' } })).toBe(false);
    const later = String(Number(headers['webhook-timestamp']) + 1);
    expect(isSignedBy(OLD, { ...request, headers: { ...headers, 'webhook-timestamp': later } })).toBe(false);
  });
});

test('beside AWS credentials both sign, and what AWS checks is as its own library has it', async () => {
  const auth = { ...AWS_KEY, sessionToken: 'session/token==' };
  const headers = headersOf(createSigner(auth, { secrets: [OLD] }));
  expect(Object.keys(headers)).toEqual([
    ...['webhook-id', 'webhook-timestamp', 'webhook-signature'],
    ...['x-amz-date', 'x-amz-security-token', 'authorization'],
  ]);
  expect(headers).toMatchObject({
    'x-amz-date': '20260921T141320Z',
    'x-amz-security-token': 'session/token==',
  });
  const arrived = { ...headers, host: 'returns.acme.example', 'content-type': 'application/json' };
  const request = { headers: arrived, path: '/dispositions', body: EVENT.body };
  expect(headers.authorization).toBe(await awsSignatureOf(auth, request));
});

test('its secrets are masked, with and without their prefix, and as the key that they stand for', () => {
  const readable = `whsec_${Buffer.from('a key of thirty-two bytes, or so').toString('base64')}`;
  const auth = { ...AWS_KEY, sessionToken: 'session/token==' };
  const mask = createMask(createSigner(auth, { secrets: [readable, OLD] })?.secrets ?? []);
  const texts = [readable, readable.slice('whsec_'.length), 'a key of thirty-two bytes, or so', OLD];
  for (const text of [...texts, auth.secretAccessKey, 'session/token==', 'session%2Ftoken%3D%3D']) {
    expect(mask(`expected ${text}, found nothing`)).toBe('expected ***, found nothing');
  }
  expect(mask(`no such key: ${auth.accessKeyId}`)).toBe(`no such key: ${auth.accessKeyId}`);
});
