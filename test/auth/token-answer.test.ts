import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTokenAnswer } from '../../src/auth/token-answer.ts';
import type { OAuth2Config, TokenServiceConfig } from '../../src/config/client-config.ts';
import type { Answer, WholeAnswer } from '../../src/core/attempt-result.ts';

const config: OAuth2Config = {
  type: 'oauth2',
  tokenUrl: 'https://auth.acme.example/oauth/token',
  clientId: 'waybill',
  clientSecret: 'pa$$ wörd/"1"',
  style: 'json',
};

const NOW = Date.UTC(2026, 2, 1);

function answerOf(status: number, body: unknown, whole: Partial<WholeAnswer> = {}): Answer {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return { kind: 'answer', status, body: '', whole: { bytes, complete: true, ...whole } };
}

function read(status: number, body: unknown, whole: Partial<WholeAnswer> = {}) {
  return readTokenAnswer(answerOf(status, body, whole), config, NOW);
}

describe('readTokenAnswer', () => {
  it('reads the usual answer, whatever it says of created_at', () => {
    const body = { access_token: 'abc', token_type: 'Bearer', expires_in: 7_200, scope: 'x', created_at: 1 };
    expect(read(200, body)).toEqual({ accessToken: 'abc', lifetimeMs: 7_200_000 });
    expect(read(201, body)).toEqual({ accessToken: 'abc', lifetimeMs: 7_200_000 });
  });

  it.each([
    [undefined, 3_600_000, 'without a usable expires_in, used for 3600 s'],
    [null, 3_600_000, 'without a usable expires_in, used for 3600 s'],
    ['7200', 7_200_000, undefined],
    ['', 3_600_000, 'without a usable expires_in, used for 3600 s'],
    ['soon', 3_600_000, 'without a usable expires_in, used for 3600 s'],
    [0, 3_600_000, 'of expires_in 0, used for 3600 s'],
    [-1, 3_600_000, 'of expires_in -1, used for 3600 s'],
    [0.5, 5_000, 'of expires_in 0.5, used for 5 s'],
    [3_600_000, 604_800_000, 'of expires_in 3600000, used for 604800 s'],
    [1e300, 604_800_000, 'of expires_in 1e+300, used for 604800 s'],
    [{}, 3_600_000, 'without a usable expires_in, used for 3600 s'],
  ])(
    'takes expires_in %j for %d ms, and notes a lifetime of its own choice',
    (expires_in, lifetimeMs, note) => {
      const body = { access_token: 'abc', token_type: 'bearer', expires_in };
      expect(read(200, body)).toEqual({ accessToken: 'abc', lifetimeMs, ...(note && { note }) });
    },
  );

  it.each(['bearer', 'BEARER', 'Bearer'])('takes token_type %j for what it is', (token_type) => {
    expect(read(200, { access_token: 'abc', token_type, expires_in: 60 })).not.toHaveProperty('note');
  });

  it.each([
    [undefined, 'without a token_type, used as Bearer'],
    [null, 'without a token_type, used as Bearer'],
    ['BearerToken', 'of token_type "BearerToken", used as Bearer'],
    ['Bearer ', 'of token_type "Bearer ", used as Bearer'],
    ['JWT', 'of token_type "JWT", used as Bearer'],
    ['jwt-bearer', 'of token_type "jwt-bearer", used as Bearer'],
    [5, 'of token_type 5, used as Bearer'],
  ])('uses a token of token_type %j as Bearer, and notes it', (token_type, note) => {
    const body = { access_token: 'abc', token_type, expires_in: 60 };
    expect(read(200, body)).toMatchObject({ accessToken: 'abc', note });
  });

  it('notes two things at once', () => {
    const note = 'without a token_type, used as Bearer; without a usable expires_in, used for 3600 s';
    expect(read(200, { access_token: 'abc' })).toMatchObject({ note });
  });

  it.each(['', null, undefined])('takes a good token beside "error": %j', (error) => {
    expect(read(200, { access_token: 'abc', error })).toMatchObject({ accessToken: 'abc' });
  });

  it('takes a token without the white space around it', () => {
    expect(read(200, { access_token: ' abc\r\n' })).toMatchObject({ accessToken: 'abc' });
    expect(read(200, { access_token: ' \n' })).toMatchObject({
      refusal: 'answered 200, but access_token is missing',
    });
  });

  it('takes a token behind a byte order mark', () => {
    expect(read(200, '\ufeff{"access_token":"abc"}')).toMatchObject({ accessToken: 'abc' });
  });

  it('asks again after an answer that was cut in mid-body, even if a token can be read', () => {
    expect(read(200, { access_token: 'abc' }, { complete: false })).toEqual({
      refusal: 'answered 200, and the connection ended in the middle of the body',
      again: true,
      blame: 'service',
      status: 200,
    });
  });

  it('leaves the service alone for as long as its Retry-After says', () => {
    const waits = (status: number, retryAfter: string) =>
      readTokenAnswer({ ...answerOf(status, ''), retryAfter }, config, NOW);
    expect(waits(429, '300')).toEqual({
      refusal: 'answered 429',
      again: false,
      blame: 'service',
      status: 429,
      retryAfterMs: 300_000,
    });
    expect(waits(503, 'Sun, 01 Mar 2026 00:00:07 GMT')).toMatchObject({ again: false, retryAfterMs: 7_000 });
    expect(waits(503, 'soon')).toEqual({
      refusal: 'answered 503',
      again: true,
      blame: 'service',
      status: 503,
    });
  });

  it('takes no wait from a Retry-After of 0, and no longer one than an hour', () => {
    const waits = (retryAfter: string) => readTokenAnswer({ ...answerOf(503, ''), retryAfter }, config, NOW);
    expect(waits('0')).toEqual({ refusal: 'answered 503', again: true, blame: 'service', status: 503 });
    expect(waits('9'.repeat(400))).toMatchObject({ again: false, retryAfterMs: 3_600_000 });
  });

  it.each(['abc', config.clientSecret])(
    'does not repeat %s where the service echoes it as token_type',
    (echo) => {
      const { note = '' } = read(200, { access_token: 'abc', token_type: `x ${echo}` }) as { note?: string };
      expect(note).toContain('of token_type "x ***');
      expect(note).not.toContain(echo);
    },
  );

  it.each([
    ['https://login.acme.example/sign-in?next=secret', 'https://login.acme.example/sign-in'],
    ['/oauth/token/', 'https://auth.acme.example/oauth/token/'],
    ['//other.example', 'https://other.example/'],
  ])('does not follow a redirect to %s, and names its target without the query', (location, target) => {
    const refusal = `answered 302, a redirect to ${target}: redirects are not followed`;
    expect(read(302, '', { location })).toMatchObject({ refusal, again: false, status: 302 });
  });

  it.each([
    [200, '<html>maintenance</html>', 'answered 200 with a body that is no JSON object'],
    [200, '[]', 'answered 200 with a body that is no JSON object'],
    [200, {}, 'answered 200, but access_token is missing'],
    [200, { access_token: 5 }, 'answered 200, but access_token is missing'],
    [
      200,
      { access_token: 'a', token_type: 'mac' },
      'answered 200, but token_type is mac, which Waybill does not support',
    ],
    [
      200,
      { access_token: 'a', token_type: 'DPoP' },
      'answered 200, but token_type is DPoP, which Waybill does not support',
    ],
    [
      200,
      { access_token: 'a\r\nb' },
      'answered 200, but access_token holds a blank or another character that no token may have',
    ],
    [
      200,
      { access_token: 'Bearer abc' },
      'answered 200, but access_token holds a blank or another character that no token may have',
    ],
    [
      200,
      { access_token: 'a'.repeat(16_385) },
      'answered 200, but access_token is longer than 16384 characters',
    ],
    [200, { error: 'access_denied' }, 'answered 200: access_denied'],
    [302, '', 'answered 302: redirects are not followed'],
    [400, { error: 'invalid_scope' }, 'answered 400: invalid_scope'],
    [
      401,
      { error: 'invalid_client', error_description: 'no\nsuch client' },
      'answered 401: invalid_client, no such client',
    ],
    [403, '<html>', 'answered 403'],
    [400, { message: 'no such client' }, 'answered 400: no such client'],
    [400, { error: { code: 7, message: 'no such client' } }, 'answered 400: no such client'],
    [204, '', 'answered 204 with an empty body'],
  ])('refuses, and does not ask again: %d %j', (status, body, refusal) => {
    expect(read(status, body)).toMatchObject({ refusal, again: false, status });
  });

  it.each([429, 500, 503])('asks again after %d', (status) => {
    expect(read(status, 'busy')).toEqual({
      refusal: `answered ${status}`,
      again: true,
      blame: 'service',
      status,
    });
  });

  it.each([
    ['credentials', [302, 400, 401, 403, 404, 405, 422]],
    ['service', [204, 408, 429, 500, 502, 503, 504]],
  ] as const)('blames %s for %j', (blame, statuses) => {
    for (const status of statuses) expect(read(status, '')).toMatchObject({ status, blame });
  });

  it('blames the credentials for an error that comes with a 200', () => {
    expect(read(200, { error: 'invalid_client' })).toMatchObject({ status: 200, blame: 'credentials' });
  });

  it('says what became of a request without an answer', () => {
    const noAnswer = {
      kind: 'no_answer',
      failureClass: 'dns',
      detail: 'no address for auth.acme.example',
    } as const;
    expect(readTokenAnswer(noAnswer, config, NOW)).toEqual({
      refusal: 'did not answer: no address for auth.acme.example',
      again: true,
      blame: 'service',
    });
    const unsent = { kind: 'unsent', failureClass: 'address', detail: '10.0.0.1 is not allowed' } as const;
    expect(readTokenAnswer(unsent, config, NOW)).toEqual({
      refusal: 'was not asked: 10.0.0.1 is not allowed',
      again: false,
      blame: 'credentials',
    });
    const shortage = { kind: 'shortage', code: 'EMFILE', detail: 'no file descriptor left' } as const;
    expect(readTokenAnswer(shortage, config, NOW)).toEqual({
      refusal: 'was not asked: no file descriptor left',
      again: false,
      blame: 'local',
    });
  });

  it('blames the proxy, or its credentials, if that keeps us from the service', () => {
    const detail = 'no connection to proxy p:1 (ECONNREFUSED)';
    const read = (result: Parameters<typeof readTokenAnswer>[0]) => readTokenAnswer(result, config, NOW);
    const refusal = `was not asked: ${detail}`;
    expect(read({ kind: 'proxy_away', blame: 'proxy', status: 0, detail })).toEqual({
      refusal,
      again: true,
      blame: 'proxy',
    });
    expect(read({ kind: 'proxy_away', blame: 'credentials', status: 407, detail })).toEqual({
      refusal,
      again: false,
      blame: 'credentials',
    });
    expect(read({ kind: 'unsent', failureClass: 'proxy', status: 503, detail })).toEqual({
      refusal,
      again: true,
      blame: 'proxy',
    });
  });

  it('masks the secret where the service repeats it, and shortens what it says', () => {
    const basic = Buffer.from('waybill:pa%24%24+w%C3%B6rd%2F%221%22').toString('base64');
    const echoes = [
      config.clientSecret,
      'pa%24%24+w%C3%B6rd%2F%221%22',
      encodeURIComponent(config.clientSecret),
      basic,
    ];
    const answer = read(401, {
      error: 'invalid_client',
      error_description: `${echoes.join(' ')} ${'x'.repeat(500)}`,
    });
    const { refusal } = answer as { refusal: string };
    expect(refusal).toMatch(/^answered 401: invalid_client, \*\*\* \*\*\* \*\*\* \*\*\* x+…$/);
    expect(refusal.length).toBeLessThan(230);
  });

  it('never throws, and lets only header-safe tokens through', () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), fc.oneof(fc.string(), fc.json()), (status, body) => {
        const answer = read(status, body);
        expect('refusal' in answer || /^[!-~]+$/.test(answer.accessToken)).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (token) => {
        const answer = read(200, { access_token: token });
        expect('accessToken' in answer).toBe(/^[!-~]+$/.test(token.trim()));
      }),
    );
  });
});

describe('an answer of a service of the client’s own making', () => {
  const custom: TokenServiceConfig = {
    type: 'token_service',
    url: 'https://auth.acme.example/login?key=key-in-the-query',
    method: 'POST',
    headers: { Accept: 'application/json', Authorization: 'Basic d2F5YmlsbDpwYXNzd29yZC0x' },
    body: { user: ['waybill', { pin: 123456 }] },
    tokenPointer: '/a~1b/0/~0t',
    expiresInPointer: '/ttl',
    expiresInSeconds: 600,
    header: 'X-Session',
    prefix: '',
  };
  const readCustom = (status: number, body: unknown, changes: Partial<TokenServiceConfig> = {}) =>
    readTokenAnswer(answerOf(status, body), { ...custom, ...changes }, NOW);
  const withToken = (token: unknown, ttl?: unknown) => ({ 'a/b': [{ '~t': token }], ttl });

  it.each([
    [30, 30_000, undefined],
    ['30', 30_000, undefined],
    [undefined, 600_000, 'without a usable /ttl, used for 600 s'],
    [{}, 600_000, 'without a usable /ttl, used for 600 s'],
    [-1, 600_000, 'of /ttl -1, used for 600 s'],
    [1e300, 604_800_000, 'of /ttl 1e+300, used for 604800 s'],
  ])('is read where the pointers lead; a lifetime of %j is taken for %d ms', (ttl, lifetimeMs, note) => {
    const issued = { accessToken: 'abc', lifetimeMs, ...(note && { note }) };
    expect(readCustom(200, withToken('abc', ttl))).toEqual(issued);
  });

  it('without a pointer to a lifetime there is none to note', () => {
    const { expiresInPointer: _, ...pointless } = custom;
    const issued = readTokenAnswer(answerOf(200, withToken('abc')), pointless, NOW);
    expect(issued).toEqual({ accessToken: 'abc', lifetimeMs: 600_000 });
  });

  it('may be the token itself, and an error in a 2xx is nothing that the token lacks', () => {
    expect(readCustom(200, '"abc"', { tokenPointer: '' })).toMatchObject({ accessToken: 'abc' });
    expect(readCustom(200, { ...withToken('abc'), error: 'none' })).toMatchObject({ accessToken: 'abc' });
  });

  it.each([
    [200, 'abc', 'answered 200 with a body that is not JSON'],
    [200, {}, 'answered 200, but the text at /a~1b/0/~0t is missing'],
    [200, withToken(5), 'answered 200, but the text at /a~1b/0/~0t is missing'],
    [
      200,
      withToken('a\nb'),
      'answered 200, but the text at /a~1b/0/~0t holds a blank or another character that no token may have',
    ],
    [403, { message: 'no: waybill' }, 'answered 403: no: ***'],
    [403, { error: 'password-1 123456 key-in-the-query' }, 'answered 403: *** *** ***'],
    [403, { error: 'd2F5YmlsbDpwYXNzd29yZC0x' }, 'answered 403: ***'],
  ])('of %d %j is a refusal without secrets', (status, body, refusal) => {
    const blame = status === 200 ? 'service' : 'credentials';
    expect(readCustom(status, body)).toEqual({ refusal, again: false, blame, status });
  });
});
