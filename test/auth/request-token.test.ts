import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requestToken } from '../../src/auth/request-token.ts';
import type { TokenPost } from '../../src/auth/token-post.ts';
import { tokenKey } from '../../src/auth/token-service.ts';
import type { OAuth2Config } from '../../src/config/client-config.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startTokenServer, type TokenServer, tokenReply } from './support/token-server.ts';
import { createUndiciPost, type UndiciPost } from './support/undici-post.ts';

failOnLeaks();

let server: TokenServer;
let sender: UndiciPost;

beforeEach(async () => {
  server = await startTokenServer();
  sender = createUndiciPost();
});

afterEach(async () => {
  await sender.close();
  await server.close();
});

function configOf(overrides: Partial<OAuth2Config> = {}): OAuth2Config {
  const { url: tokenUrl } = server;
  return {
    type: 'oauth2',
    tokenUrl,
    clientId: 'way bill',
    clientSecret: 's:cr€t&1',
    style: 'json',
    ...overrides,
  };
}

function ask(config: OAuth2Config, options: { timeoutMs?: number; signal?: AbortSignal } = {}) {
  return requestToken(config, { post: sender.post, timeoutMs: 60_000, retryDelayMs: 1, ...options });
}

describe('requestToken: the three styles', () => {
  it('json', async () => {
    const token = await ask(configOf({ scope: 'read write' }));
    expect(token).toEqual({ accessToken: 'token-1', lifetimeMs: 3_600_000 });
    expect(server.seen[0]).toMatchObject({ method: 'POST', path: '/oauth/token' });
    expect(server.seen[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      accept: 'application/json',
      'accept-encoding': 'identity',
    });
    expect(server.seen[0]?.headers.authorization).toBeUndefined();
    expect(server.seen[0]?.body).toBe(
      '{"grant_type":"client_credentials","client_id":"way bill","client_secret":"s:cr€t&1","scope":"read write"}',
    );
  });

  it('form', async () => {
    await ask(configOf({ style: 'form', scope: 'read write' }));
    expect(server.seen[0]?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(server.seen[0]?.headers.authorization).toBeUndefined();
    expect(server.seen[0]?.body).toBe(
      'grant_type=client_credentials&client_id=way+bill&client_secret=s%3Acr%E2%82%ACt%261&scope=read+write',
    );
  });

  it('basic: id and secret form-encoded first, and nowhere else', async () => {
    await ask(configOf({ style: 'basic', scope: 'read' }));
    await ask(configOf({ style: 'basic' }));
    const expected = Buffer.from('way+bill:s%3Acr%E2%82%ACt%261').toString('base64');
    expect(server.seen[0]?.headers.authorization).toBe(`Basic ${expected}`);
    expect(server.seen[0]?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(server.seen[0]?.body).toBe('grant_type=client_credentials&scope=read');
    expect(server.seen[1]?.body).toBe('grant_type=client_credentials');
  });

  it('carries further parameters in its body, in each style', async () => {
    const parameters = { audience: 'https://x.example/?a=b c', resource: 'r' };
    await ask(configOf({ parameters }));
    await ask(configOf({ parameters, style: 'form' }));
    await ask(configOf({ parameters, style: 'basic', scope: 's' }));
    const [json, ...forms] = server.seen.map(({ body }) => body);
    expect(JSON.parse(json ?? '')).toEqual({
      ...parameters,
      grant_type: 'client_credentials',
      client_id: 'way bill',
      client_secret: 's:cr€t&1',
    });
    const [form, basic] = forms.map((body) => Object.fromEntries(new URLSearchParams(body)));
    expect(form).toMatchObject({ ...parameters, client_id: 'way bill' });
    expect(basic).toEqual({ ...parameters, grant_type: 'client_credentials', scope: 's' });
  });

  it('masks a parameter that came from the environment, and no other, in what the service answers', async () => {
    server.reply = () => ({
      status: 400,
      body: '{"error":"invalid_target","error_description":"not plain or hid%20den"}',
    });
    const config = configOf({
      parameters: { audience: 'plain', key: 'hid den' },
      secretParameters: ['hid den'],
    });
    const token = await ask(config);
    expect(token).toMatchObject({ failure: expect.stringContaining('not plain or ***') });
  });

  it('leaves scope out where none is configured', async () => {
    await ask(configOf());
    expect(JSON.parse(server.seen[0]?.body ?? '')).not.toHaveProperty('scope');
  });
});

describe('requestToken: failures', () => {
  it('tries twice more after a 5xx or a 429, and no more', async () => {
    server.reply = (n) => ({ status: n === 2 ? 429 : 503, body: 'busy' });
    expect(await ask(configOf())).toEqual({
      failure: `token service ${server.url} answered 503 (3 tries)`,
      blame: 'service',
      status: 503,
    });
    expect(server.seen).toHaveLength(3);
  });

  it('does not try again after a Retry-After, and hands it out', async () => {
    server.reply = () => ({ status: 503, body: 'busy', headers: { 'retry-after': '7' } });
    expect(await ask(configOf())).toEqual({
      failure: `token service ${server.url} answered 503`,
      blame: 'service',
      status: 503,
      retryAfterMs: 7_000,
    });
    expect(server.seen).toHaveLength(1);
  });

  it('takes the token that a later try gets', async () => {
    server.reply = (n) => (n < 3 ? { status: 500, body: '' } : tokenReply(n));
    expect(await ask(configOf())).toMatchObject({ accessToken: 'token-3' });
  });

  it('tries once where the credentials are wrong, and repeats no secret', async () => {
    const description = 'client "way bill" with s:cr€t&1 is unknown';
    server.reply = () => ({ status: 401, body: { error: 'invalid_client', error_description: description } });
    expect(await ask(configOf())).toEqual({
      failure: `token service ${server.url} answered 401: invalid_client, client "way bill" with *** is unknown`,
      blame: 'credentials',
      status: 401,
      error: 'invalid_client',
    });
    expect(server.seen).toHaveLength(1);
  });

  it('does not name the query of the token URL', async () => {
    server.reply = () => ({ status: 400, body: '' });
    const tokenUrl = server.url.replace('//', '//user:hidden@');
    const { failure } = (await ask(configOf({ tokenUrl: `${tokenUrl}?key=hidden` }))) as { failure: string };
    expect(failure).toBe(`token service ${server.url} answered 400`);
  });

  it('tries three times where nobody answers', async () => {
    const config = configOf();
    await server.close();
    const { failure } = (await ask(config)) as { failure: string };
    expect(failure).toMatch(/ did not answer: connection failed .*\(3 tries\)$/);
  });

  it('gives a silent service no more than the total limit', async () => {
    server.reply = () => 'hang';
    const startedAt = performance.now();
    expect(await ask(configOf(), { timeoutMs: 2_000 })).toEqual({
      failure: `token service ${server.url} did not answer within 2000 ms`,
      blame: 'service',
    });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(server.seen).toHaveLength(1);
  });

  it('counts all tries into the total limit, and says what the last answer was', async () => {
    server.reply = (n) => (n === 1 ? { status: 502, body: '' } : 'hang');
    expect(await ask(configOf(), { timeoutMs: 2_000 })).toEqual({
      failure: `token service ${server.url} answered 502 (2 tries)`,
      blame: 'service',
      status: 502,
    });
  });

  it('is limited even where the request itself does not end', async () => {
    const post = () => new Promise<never>(() => {});
    const result = await requestToken(configOf(), { post, timeoutMs: 20 });
    expect(result).toEqual({
      failure: `token service ${server.url} did not answer within 20 ms`,
      blame: 'service',
    });
  });

  it('says that it hung at the proxy, if it did', async () => {
    const post: TokenPost = ({ signal }) =>
      new Promise((resolve) => {
        const waitedFor = 'proxy p:1 did not answer CONNECT 192.0.2.1:443';
        signal.addEventListener('abort', () => resolve({ kind: 'aborted', waitedFor }));
      });
    expect(await requestToken(configOf(), { post, timeoutMs: 20 })).toEqual({
      failure: `token service ${server.url} did not answer within 20 ms: proxy p:1 did not answer CONNECT 192.0.2.1:443`,
      blame: 'proxy',
    });
  });

  const throws = (): never => {
    throw new TypeError('bad header: s:cr€t&1');
  };

  it.each([
    ['throws', throws],
    ['rejects', async () => throws()],
  ])('makes a failure of a sender that %s, without its message', async (_how, post) => {
    expect(await requestToken(configOf(), { post, timeoutMs: 60_000 })).toEqual({
      failure: `token service ${server.url} could not be asked (TypeError)`,
      blame: 'credentials',
    });
  });

  it('is called off by the end of the connections', async () => {
    const post = async () => ({ kind: 'aborted' }) as const;
    expect(await requestToken(configOf(), { post, timeoutMs: 60_000 })).toMatchObject({ calledOff: true });
  });

  it('can be called off', async () => {
    server.reply = () => 'hang';
    const controller = new AbortController();
    const asked = ask(configOf(), { signal: controller.signal });
    await server.received(1);
    controller.abort();
    expect(await asked).toEqual({
      failure: `token service ${server.url} was not waited for`,
      calledOff: true,
    });
  });
});

describe('tokenKey', () => {
  it('differs by URL, id, scope, secret and parameters, not by their order or by style, and gives none of them away', () => {
    const base = configOf();
    const others: Partial<OAuth2Config>[] = [
      { tokenUrl: 'https://b.example/' },
      { clientId: 'b' },
      { clientSecret: 'b' },
      { scope: 'b' },
      { parameters: { audience: 'b' } },
      { parameters: { audience: 'c' } },
      { parameters: { resource: 'b' } },
      { parameters: { audience: 'b', resource: 'b' } },
    ];
    const keys = new Set(others.map((other) => tokenKey(configOf(other))));
    expect(keys.add(tokenKey(base)).size).toBe(others.length + 1);
    const turned = configOf({ parameters: { resource: 'b', audience: 'b' } });
    expect(keys).toContain(tokenKey(turned));
    expect(tokenKey(configOf({ parameters: {} }))).toBe(tokenKey(base));
    expect(tokenKey(configOf({ style: 'form' }))).toBe(tokenKey(base));
    expect(tokenKey(base)).toMatch(/^wb:token:[0-9a-f]{64}$/);
  });
});
