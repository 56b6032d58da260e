import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { tokenTlsOf } from '../../src/config/config-schema.ts';
import { findCredentialDoubts } from '../../src/config/credential-doubts.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import { certificates, encrypted } from '../http/certificates.ts';
import { problemsOf, withClient } from '../support/config-problems.ts';

const directory = mkdtempSync(join(tmpdir(), 'waybill-tls-config-'));
const file = join(directory, 'waybill.yaml');
const PASSPHRASE = 'correct horse';
const { ca, client, server } = await certificates();
const FILES: Readonly<Record<string, string>> = {
  'ca.pem': ca,
  'cert.pem': client.cert,
  'key.pem': client.key,
  'locked.pem': encrypted(client.key, PASSPHRASE),
  'locked-sec1.pem': encrypted(client.key, PASSPHRASE, 'sec1'),
  'cut.pem': `${ca}\n${server.cert.slice(0, 200)}`,
  'garbled.pem': `${ca}\n${server.cert.replace(/M/g, 'A')}`,
  'glued.pem': `${ca.trim()}${server.cert}`,
};
for (const [name, text] of Object.entries(FILES)) writeFileSync(join(directory, name), text);

afterAll(() => rmSync(directory, { recursive: true }));

const load = (settings: string, env: Record<string, string> = {}) =>
  parseConfig(withClient(settings), file, env).clients['acme'];
const problems = (settings: string, env: Record<string, string> = {}): string[] =>
  problemsOf(withClient(settings), env, file).map((problem) => problem.replace(/^1 \$\.clients\.acme\./, ''));

const OAUTH = 'type: oauth2, tokenUrl: "https://idp.example/t", clientId: w, clientSecret: s';

describe('tls.passphrase', () => {
  test.each(['locked.pem', 'locked-sec1.pem'])('that decrypts %s is taken from the environment', (key) => {
    const loaded = load(`tls: { cert: cert.pem, key: ${key}, passphrase: "\${PASS}" }`, { PASS: PASSPHRASE });
    expect(loaded?.tlsMaterial).toEqual({
      cert: client.cert,
      key: FILES[key],
      passphrase: PASSPHRASE,
      minVersion: '1.2',
    });
  });

  test('of a key that is not encrypted changes nothing', () => {
    expect(load('tls: { cert: cert.pem, key: key.pem, passphrase: none }')).toBeDefined();
  });

  test.each([
    ['tls: { cert: cert.pem, key: locked.pem }', 'tls.passphrase is required: the key is encrypted'],
    [
      'tls: { cert: cert.pem, key: locked-sec1.pem, passphrase: marked-wrong }',
      expect.stringMatching(/^tls\.passphrase does not decrypt the key \(ERR_OSSL_\w+\)$/),
    ],
    ['tls: { passphrase: marked-wrong }', 'tls.key is required if passphrase is given'],
    [
      `auth: { ${OAUTH}, tls: { cert: cert.pem, key: locked.pem } }`,
      'auth.tls.passphrase is required: the key is encrypted',
    ],
  ])('%s is a problem that names it, and not its value', (settings, problem) => {
    expect(problems(settings)).toEqual([problem]);
    expect(problems(settings).join()).not.toContain('marked');
  });

  test('with a line break is a problem', () => {
    const settings = 'tls: { cert: cert.pem, key: key.pem, passphrase: "${PASS}" }';
    expect(problems(settings, { PASS: `${PASSPHRASE}\n` })).toEqual([
      'tls.passphrase must not end in a line break (the environment variable PASS holds it)',
    ]);
  });
});

test('a section tls with several problems tells them all', () => {
  expect(problems('tls: { cert: cert.pem, minVersion: 1, passprase: p }')).toEqual([
    'tls.minVersion must be "1.2" or "1.3"',
    'tls.passprase is not a known setting: did you mean "passphrase"?',
    'tls.key is required if cert is given',
  ]);
});

test.each(['null', 'text', '[]', '5'])('%s is a problem in place of a section tls', (value) => {
  expect(problems(`tls: ${value}`)).toEqual([expect.stringContaining('tls must be a section of settings')]);
});

describe('tls.minVersion', () => {
  test.each([
    ['{ }', '1.2'],
    ['{ minVersion: "1.3" }', '1.3'],
    ['{ minVersion: 1.3 }', '1.3'],
    ['{ minVersion: 1.2 }', '1.2'],
  ])('%s is %s', (tls, version) => {
    expect(load(`tls: ${tls}`)?.tlsMaterial).toEqual({ minVersion: version });
  });

  test.each(['"1.1"', '1', 'TLSv1.3', 'null', '[]'])('%s is a problem', (version) => {
    expect(problems(`tls: { minVersion: ${version} }`)).toEqual(['tls.minVersion must be "1.2" or "1.3"']);
  });
});

describe('auth.tls', () => {
  test('is what the token service is reached with; left out, it is the tls of the client', () => {
    const both = load(`tls: { ca: ca.pem }, auth: { ${OAUTH}, tls: { cert: cert.pem, key: key.pem } }`);
    expect(both?.tlsMaterial).toEqual({ ca, minVersion: '1.2' });
    expect(both && tokenTlsOf(both)).toEqual({ ...client, minVersion: '1.2' });
    const one = load(`tls: { ca: ca.pem }, auth: { ${OAUTH} }`);
    expect(one && tokenTlsOf(one)).toBe(one?.tlsMaterial);
    const none = load(`tls: { ca: ca.pem }, auth: { ${OAUTH}, tls: {} }`);
    expect(none && tokenTlsOf(none)).toEqual({ minVersion: '1.2' });
  });

  test('of a token service of the client’s own making is read alike', () => {
    const loaded = load(
      'auth: { type: token_service, url: "https://idp.example", tokenPointer: /t, tls: { ca: ca.pem } }',
    );
    expect(loaded?.authTlsMaterial).toEqual({ ca, minVersion: '1.2' });
  });

  test('is no setting of credentials that need no token service', () => {
    expect(problems('auth: { type: bearer, token: t, tls: { ca: ca.pem } }')).toEqual([
      'auth.tls is not a known setting',
    ]);
  });

  test('with files that are missing is a problem of its own', () => {
    expect(problems(`auth: { ${OAUTH}, tls: { ca: gone.pem } }`)).toEqual([
      `auth.tls.ca names a file that cannot be read (ENOENT): ${join(directory, 'gone.pem')}`,
    ]);
  });

  test('has no credentials that are doubted for their blanks: they were tried', () => {
    writeFileSync(join(directory, 'blanks.pem'), encrypted(client.key, ' blanks '));
    const tls = 'tls: { cert: cert.pem, key: blanks.pem, passphrase: " blanks " }';
    const loaded = load(`auth: { ${OAUTH}, ${tls} }`);
    expect(loaded && findCredentialDoubts(loaded)).toEqual([]);
  });
});

test.each([
  ['cut.pem', 'with a certificate that is broken or cut off: '],
  ['garbled.pem', 'with a certificate that is broken or cut off: '],
  ['glued.pem', 'with a certificate that is broken or cut off: '],
  ['key.pem', 'without a certificate'],
])('an authority that Node would pass over is a problem: %s', (name, why) => {
  expect(problems(`tls: { ca: ${name} }`)).toEqual([expect.stringContaining(`tls.ca names a file ${why}`)]);
});
