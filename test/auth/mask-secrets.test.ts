import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAnswerMask } from '../../src/auth/mask-credentials.ts';
import { createStaticAuthorizer } from '../../src/auth/static-authorizer.ts';
import { createMask } from '../../src/core/mask-secrets.ts';
import { granted } from './support/processes.ts';

const SECRET = 'p/Q+s=<"é\\%2& z';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const json = (text: string): string => JSON.stringify(text).slice(1, -1);
/** As Java's Gson writes JSON. */
const htmlSafeJson = (text: string): string =>
  json(text).replace(
    /[<>&='\u0080-\uffff]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
const html = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&#34;').replaceAll('é', '&#xE9;');

const WAYS: Readonly<Record<string, (text: string) => string>> = {
  'as it is': (text) => text,
  JSON: json,
  'JSON in JSON': (text) => json(json(text)),
  'JSON with escaped slashes': (text) => json(text).replaceAll('/', '\\/'),
  'JSON that is safe in HTML': htmlSafeJson,
  URL: encodeURIComponent,
  'URL in lower case': (text) => encodeURIComponent(text).replace(/%\w\w/g, (found) => found.toLowerCase()),
  'URL twice': (text) => encodeURIComponent(encodeURIComponent(text)),
  form: (text) => new URLSearchParams({ '': text }).toString().slice(1),
  HTML: html,
  base64,
  base64url: (text) => Buffer.from(text).toString('base64url'),
  'base64 in a URL': (text) => encodeURIComponent(base64(text)),
  'base64 in JSON that is safe in HTML': (text) => htmlSafeJson(base64(text)),
};

describe('a mask', () => {
  test.each(Object.entries(WAYS))('finds a secret written in a way of its own: %s', (_name, write) => {
    const masked = createMask([SECRET])(`before ${write(SECRET)} after, again ${write(SECRET)}.`);
    // The last character of base64 may hold two bits of the secret.
    expect(masked).toMatch(/^before \*\*\*.{0,14} after, again \*\*\*.{0,14}\.$/);
  });

  test('finds a secret of any characters in each way', () => {
    const secrets = fc.string({ unit: 'binary', minLength: 4, maxLength: 40 });
    fc.assert(
      fc.property(secrets, fc.constantFrom(...Object.keys(WAYS)), fc.string(), (text, way, other) => {
        const secret = text.trim();
        fc.pre(secret.length >= 4);
        const written = (WAYS[way] ?? json)(secret);
        const masked = createMask([secret])(`${other}${written}`);
        expect(masked).toContain('***');
        expect(masked.includes(written)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test.each([0, 1, 2, 3, 4])('finds a secret within something longer in base64, after %i bytes', (before) => {
    const secret = 'marked-secret-of-acme';
    const masked = createMask([secret])(base64(`${'x'.repeat(before)}${secret}:and more`));
    const rest = masked.split('***').map((part) => Buffer.from(part, 'base64').toString('latin1'));
    expect(masked).toContain('***');
    expect(rest.join('|')).not.toMatch(/arked|secre|of-acm/);
  });

  test.each(Object.entries(WAYS))(
    'finds the start of a secret that the text breaks off in: %s',
    (_, write) => {
      const secret = `begin${SECRET}`;
      const written = write(secret);
      for (let length = 8; length <= written.length; length += 1) {
        expect(createMask([secret])(`got: ${written.slice(0, length)}`)).toMatch(/^got: \*\*\*.{0,2}$/);
      }
    },
  );

  test('takes a secret without the blanks and line breaks around it', () => {
    expect(createMask(['from-a-file\n'])('"from-a-file"')).toBe('"***"');
  });

  test('masks the longer of two secrets as a whole', () => {
    expect(createMask(['abcd', 'abcdefgh'])('abcdefgh abcd')).toBe('*** ***');
  });

  test('leaves everything else as it is', () => {
    const mask = createMask([SECRET, 'abc', '', '***']);
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => mask(text) === text));
    expect(mask('abc')).toBe('abc');
  });

  test('reads a hostile text in little time', () => {
    const mask = createMask(['\\'.repeat(40), '%'.repeat(40), '&&&&"""<<<', 'aaaaaaaaaaaaaaaaaaaaab']);
    for (const text of ['\\', '%25', '&amp;', '%', 'a', '&#', 'aaa%']) {
      const started = performance.now();
      mask(text.repeat(65_536 / text.length));
      expect(performance.now() - started).toBeLessThan(5_000);
    }
  });
});

test.each([
  { auth: { type: 'bearer', token: 'marked-token' }, leaks: ['marked-token', 'Bearer marked-token'] },
  { auth: { type: 'api_key', header: 'X-Key', key: 'marked-key' }, leaks: ['marked-key'] },
  {
    auth: { type: 'api_key', header: 'Authorization', key: 'Token marked-key' },
    leaks: ['Token marked-key', 'marked-key'],
  },
  {
    auth: { type: 'basic', username: 'waybill', password: 'marked: password' },
    leaks: ['marked: password', base64('waybill:marked: password')],
  },
] as const)('what a request was authorized with is masked: $auth', async ({ auth, leaks }) => {
  const authorization = granted(await createStaticAuthorizer(auth).authorize());
  for (const leak of leaks) {
    const text = `you sent: ${leak}, and in a URL ${encodeURIComponent(leak)}, and ${base64(leak)}`;
    const masked = createAnswerMask([])(text, 'https://acme.example/dispositions', authorization);
    expect(masked.match(/\*\*\*/g)).toHaveLength(3);
    expect(masked).not.toMatch(/marked/);
  }
});

test('a secret that holds another one is masked as a whole, wherever both come from', () => {
  const url = 'https://acme.example/d?version=2&code=query-key';
  const sent = { headers: ['X-Key', 'auth-key'], version: 1 };
  const mask = createAnswerMask(['header-auth-key-end', 'signing-query-key-end']);
  expect(mask('header-auth-key-end signing-query-key-end auth-key query-key 2', url, sent)).toBe(
    '*** *** *** *** 2',
  );
});
