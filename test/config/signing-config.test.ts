import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { clientProblems, FILE, withClient } from '../support/config-problems.ts';

const secretOf = (bytes: number): string => Buffer.alloc(bytes, 7).toString('base64');

describe('signing.secrets', () => {
  test.each([
    ['24 bytes', secretOf(24)],
    ['64 bytes', secretOf(64)],
    ['a prefix', `whsec_${secretOf(32)}`],
  ])('take a secret of %s', (_what, secret) => {
    const { clients } = parseConfig(withClient('signing: { secrets: ["${SECRET}"] }'), FILE, {
      SECRET: secret,
    });
    expect(clients.acme?.signing).toEqual({ secrets: [secret] });
  });

  const form = 'must be base64, with or without whsec_ before it';
  test.each([
    ['23 bytes', secretOf(23), 'must stand for 24 to 64 bytes, found 23'],
    ['65 bytes', `whsec_${secretOf(65)}`, 'must stand for 24 to 64 bytes, found 65'],
    ['a line break', `${secretOf(32)}\n`, 'must not end in a line break'],
    ['no text', '', form],
    ['a prefix alone', 'whsec_', form],
    ['quotes', `"${secretOf(32)}"`, form],
    ['another kind of key', `whsk_${secretOf(32)}`, form],
    ['base64 of URLs', Buffer.alloc(32, 0xff).toString('base64url'), form],
    ['no padding', secretOf(32).replace('=', ''), form],
    ['blanks', ` ${secretOf(32)}`, form],
  ])('refuse a secret of %s, and do not repeat it', (_what, secret, problem) => {
    const problems = clientProblems('signing: { secrets: ["${SECRET}"] }', { SECRET: secret });
    expect(problems).toEqual([expect.stringContaining(`signing.secrets[0] ${problem}`)]);
    if (secret.length > 8) expect(problems.join()).not.toContain(secret.trim().slice(8));
  });

  test('are one to five', () => {
    expect(clientProblems('signing: {}')).toEqual(['signing.secrets is required']);
    expect(clientProblems('signing: { secrets: [] }')).toEqual([
      'signing.secrets must hold at least one secret',
    ]);
    const many = JSON.stringify(Array.from({ length: 6 }, () => secretOf(32)));
    expect(clientProblems(`signing: { secrets: ${many} }`)).toEqual([
      'signing.secrets must hold at most five secrets',
    ]);
  });
});

describe('auth of type aws_sigv4', () => {
  const problemsOf = (changes: object): string[] => {
    const auth = {
      ...{ type: 'aws_sigv4', region: 'us-east-1', service: 'execute-api' },
      ...{ accessKeyId: 'AKIDEXAMPLE123456789', secretAccessKey: 'secret/+key', ...changes },
    };
    return clientProblems(`auth: ${JSON.stringify(auth)}`);
  };
  const name = (example: string): string => `must be a name such as ${example}: a to z, 0 to 9 and hyphens`;

  test.each([
    [{ region: 'US East' }, `auth.region ${name('us-east-1')}`],
    [{ service: 'abc.execute-api.us-east-1.amazonaws.com' }, `auth.service ${name('execute-api')}`],
    [{ accessKeyId: 'AKID' }, 'auth.accessKeyId must have 16 to 128 letters and digits'],
    [{ secretAccessKey: '' }, 'auth.secretAccessKey must hold only letters, digits and signs of ASCII'],
    [{ secretAccessKey: 'secret\n' }, 'auth.secretAccessKey must not end in a line break'],
    [{ sessionToken: 'to ken' }, 'auth.sessionToken must hold only letters, digits and signs of ASCII'],
    [{ profile: 'default' }, 'auth.profile is not a known setting'],
  ])('%j is a problem', (changes, problem) => {
    expect(problemsOf(changes)).toEqual([problem]);
  });

  test('is checked through to an endpoint', () => {
    const settings = `auth: { type: aws_sigv4, region: eu-central-1, service: lambda, accessKeyId: "\${ID}", secretAccessKey: "\${KEY}", sessionToken: "\${TOKEN}" }`;
    const env = { ID: 'ASIAEXAMPLE123456789', KEY: 'secret/+key', TOKEN: 'token/+=='.repeat(80) };
    expect(parseConfig(withClient(settings), FILE, env).clients.acme?.auth).toEqual({
      ...{ type: 'aws_sigv4', region: 'eu-central-1', service: 'lambda' },
      ...{ accessKeyId: env.ID, secretAccessKey: env.KEY, sessionToken: env.TOKEN },
    });
  });
});

test.each(['Webhook-Signature', 'webhook-id', 'X-Amz-Date', 'x-amz-anything'])(
  'an API key cannot stand in the header %s, which a signature writes',
  (header) => {
    expect(clientProblems(`auth: { type: api_key, header: ${header}, key: k }`)).toEqual([
      `auth.header must not be ${header}: that header is Waybill's to write`,
    ]);
  },
);

test('a request for a token may carry X-Amz-Target, as Amazon Cognito wants it', () => {
  const auth = 'type: token_service, url: "https://x.example/t", tokenPointer: /t';
  expect(() =>
    parseConfig(withClient(`auth: { ${auth}, headers: { X-Amz-Target: A.B } }`), FILE, {}),
  ).not.toThrow();
});
