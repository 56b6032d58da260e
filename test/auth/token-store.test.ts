import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TokenCipher } from '../../src/auth/token-cipher.ts';
import { type Claim, type SharedToken, TokenStore } from '../../src/auth/token-store.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { type RedisServer, startRedisServer } from './support/redis-server.ts';

const MINUTE = 60_000;

failOnLeaks();

let server: RedisServer;
let key: string;

beforeAll(async () => {
  server = await startRedisServer();
});

afterAll(() => server.stop());

beforeEach(() => {
  key = `wb:token:${randomUUID()}`;
});

afterEach(() => server.disconnect());

function storeOf(options: { variant?: string; lockMs?: number; cipher?: TokenCipher } = {}): TokenStore {
  const redis = server.connect();
  return new TokenStore({ redis, key, variant: '', lockMs: MINUTE, timeoutMs: MINUTE, ...options });
}

function tokenNamed(id: string): SharedToken {
  return { id, accessToken: `token-${id}`, lifetimeMs: MINUTE };
}

const FAILED = { failure: 'it failed', blame: 'credentials', failures: 2 } as const;

/** Claims until the answer is another than that the lock is held. */
async function claimOnceFree(store: TokenStore): Promise<Claim> {
  for (;;) {
    const claim = await store.claim('');
    if (claim.kind !== 'held') return claim;
  }
}

describe('a token store', () => {
  it('gives the lock to one, and to the others what it publishes', async () => {
    const [a, b] = [storeOf(), storeOf()];
    expect(await a.claim('')).toEqual({ kind: 'claimed' });
    expect(await b.claim('')).toEqual({ kind: 'held' });
    await a.publish(tokenNamed('1'), '');
    const stored = JSON.stringify(tokenNamed('1'));
    const seen = await b.claim('');
    expect(seen).toMatchObject({ kind: 'token', token: tokenNamed('1'), stored });
    expect(await b.claim(stored)).toEqual({ kind: 'claimed' });
  });

  it.each([
    [
      'throws at once',
      () => {
        throw new Error('no connection');
      },
    ],
    ['answers with something else', async () => null],
  ])('counts Redis as away if it %s', async (_how, answer) => {
    const store = new TokenStore({
      redis: { eval: answer },
      key,
      variant: '',
      lockMs: MINUTE,
      timeoutMs: MINUTE,
    });
    expect(await store.claim('')).toEqual({ kind: 'away' });
    await store.publish(tokenNamed('1'), '');
    await store.release();
  });

  it('takes its own lock again, which is left from an answer that was lost', async () => {
    const store = storeOf();
    await store.claim('');
    expect(await store.claim('')).toEqual({ kind: 'claimed' });
  });

  it('lets nobody else give the lock back', async () => {
    const [a, b] = [storeOf(), storeOf()];
    await a.claim('');
    await b.release();
    expect(await b.claim('')).toEqual({ kind: 'held' });
    await a.release();
    expect(await b.claim('')).toEqual({ kind: 'claimed' });
  });

  it('shows a failure to others of the same variant, not to itself', async () => {
    const [a, b, other] = [storeOf(), storeOf(), storeOf({ variant: 'other' })];
    await a.claim('');
    await a.release(FAILED, MINUTE);
    expect(await b.claim('')).toEqual({ kind: 'failed', failed: FAILED, remainingMs: expect.any(Number) });
    expect(await other.claim('')).toEqual({ kind: 'claimed' });
    await other.release();
    expect(await a.claim('')).toEqual({ kind: 'claimed' });
  });

  it('shows no failure that came before a token', async () => {
    const [a, b] = [storeOf(), storeOf()];
    await a.claim('');
    await a.release(FAILED, MINUTE);
    await a.claim('');
    await a.publish(tokenNamed('1'), '');
    expect(await b.claim(JSON.stringify(tokenNamed('1')))).toEqual({ kind: 'claimed' });
  });

  it('keeps a pause that it cannot read the reason of, but none that never ends', async () => {
    const redis = server.connect();
    const failedKey = `{${key}}:failed:`;
    await redis.set(failedKey, 'nonsense '.repeat(9), 'PX', MINUTE);
    expect(await storeOf().claim('')).toMatchObject({
      kind: 'failed',
      failed: { blame: 'service', failures: 1 },
    });
    await redis.persist(failedKey);
    expect(await storeOf().claim('')).toEqual({ kind: 'claimed' });
  });

  it('lets a holder that outlived its lock overwrite nothing', async () => {
    const [slow, quick] = [storeOf({ lockMs: 20 }), storeOf()];
    await slow.claim('');
    expect(await claimOnceFree(quick)).toEqual({ kind: 'claimed' });
    await quick.publish(tokenNamed('newer'), '');
    await slow.publish(tokenNamed('older'), '');
    expect(await slow.claim('')).toMatchObject({ token: tokenNamed('newer') });
  });

  it('does not use a token without an expiry, which it did not write', async () => {
    await server.connect().set(key, JSON.stringify(tokenNamed('1')));
    expect(await storeOf().claim('')).toEqual({ kind: 'useless', stored: JSON.stringify(tokenNamed('1')) });
  });

  it('shares an encrypted token among those with the same key, and stores nothing readable', async () => {
    const cipher = new TokenCipher('a key of the fleet');
    const [a, b] = [storeOf({ cipher }), storeOf({ cipher: new TokenCipher('a key of the fleet') })];
    await a.claim('');
    await a.publish(tokenNamed('1'), '');
    const stored = (await server.connect().get(key)) ?? '';
    expect(stored).toMatch(/^wb1:[A-Za-z0-9+/=]+$/);
    expect(stored + Buffer.from(stored.slice(4), 'base64').toString('latin1')).not.toContain('token');
    expect(await b.claim('')).toMatchObject({ kind: 'token', token: tokenNamed('1'), stored });
    expect(await b.claim(stored)).toEqual({ kind: 'claimed' });
  });

  it.each([
    ['with another key', new TokenCipher('one of the keys'), new TokenCipher('another of the keys')],
    ['with none', new TokenCipher('one of the keys'), undefined],
    ['in the clear', undefined, new TokenCipher('one of the keys')],
  ])('takes a token that was stored %s for none, and replaces it', async (_how, first, second) => {
    const [a, b] = [
      storeOf(first === undefined ? {} : { cipher: first }),
      storeOf(second === undefined ? {} : { cipher: second }),
    ];
    await a.claim('');
    await a.publish(tokenNamed('1'), '');
    const stored = (await server.connect().get(key)) ?? '';
    expect(await b.claim('')).toEqual({ kind: 'useless', stored });
    expect(await b.claim(stored)).toEqual({ kind: 'claimed' });
    await b.publish(tokenNamed('2'), stored);
    expect(await b.claim('')).toMatchObject({ kind: 'token', token: tokenNamed('2') });
    expect(await a.claim('')).toMatchObject({ kind: 'useless' });
  });
});
