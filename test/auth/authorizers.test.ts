import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TokenMissing } from '../../src/auth/authorizer.ts';
import type { AuthorizersOptions } from '../../src/auth/authorizers.ts';
import { tokenKey } from '../../src/auth/token-service.ts';
import { TokenStore } from '../../src/auth/token-store.ts';
import type { OAuth2Config } from '../../src/config/client-config.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { anEvent, granted, type SimulatedProcess, simulateProcess, tokenOf } from './support/processes.ts';
import { type RedisServer, startRedisServer } from './support/redis-server.ts';
import { startTokenServer, type TokenServer, tokenReply } from './support/token-server.ts';

const HOUR = 3_600_000;

failOnLeaks();

let redisServer: RedisServer;
let server: TokenServer;
let config: OAuth2Config;
let processes: SimulatedProcess[];

beforeAll(async () => {
  redisServer = await startRedisServer();
});

afterAll(() => redisServer.stop());

beforeEach(async () => {
  server = await startTokenServer();
  const clientSecret = `secret-${randomUUID()}`;
  config = { type: 'oauth2', tokenUrl: server.url, clientId: 'waybill', clientSecret, style: 'form' };
  processes = [];
});

afterEach(async () => {
  await Promise.all(processes.map((process) => process.close()));
  redisServer.disconnect();
  await server.close();
});

function start(options: Partial<AuthorizersOptions> = {}): SimulatedProcess {
  const process = simulateProcess({ redis: redisServer.connect(), ...options });
  processes.push(process);
  return process;
}

describe('two processes', () => {
  it('ask for one token, whoever comes first', async () => {
    const processes = [start(), start()];
    const tokens = processes.flatMap((one) => {
      const authorizer = one.authorizer(config);
      return Array.from({ length: 300 }, () => one.accepted(authorizer));
    });
    expect(new Set((await Promise.all(tokens)).map(tokenOf))).toEqual(new Set(['token-1']));
    expect(server.seen).toHaveLength(1);
  });

  it('renew a refused token with one request for 600 attempts', async () => {
    const [a, b] = [start().authorizer(config), start().authorizer(config)];
    const [tokenA, tokenB] = [granted(await a.authorize()), granted(await b.authorize())];
    const storm = Array.from({ length: 300 }, () => [
      a.renew(tokenA, anEvent()),
      b.renew(tokenB, anEvent()),
    ]).flat();
    a.reportAccepted(granted(await storm[0]));
    b.reportAccepted(granted(await storm[1]));
    expect(new Set((await Promise.all(storm)).map(tokenOf))).toEqual(new Set(['token-2']));
    expect(server.seen).toHaveLength(2);
  });

  it('a late 401 takes up what the other has renewed long ago', async () => {
    const [a, b] = [start().authorizer(config), start().authorizer(config)];
    const [tokenA, tokenB] = [granted(await a.authorize()), granted(await b.authorize())];
    await a.renew(tokenA, anEvent());
    expect(tokenOf(await b.renew(tokenB, anEvent()))).toBe('token-2');
    expect(server.seen).toHaveLength(2);
  });

  it('renew ahead of expiry with one request', async () => {
    const [a, b] = [start(), start()];
    const both = [a.authorizer(config), b.authorizer(config)] as const;
    const old = await Promise.all([a.accepted(both[0]), b.accepted(both[1])]);
    a.clock.now += HOUR - 30_000;
    b.clock.now += HOUR - 30_000;
    expect(both.map((one) => one.authorize())).toEqual(old);
    const renewed = await Promise.all(both.map((one, n) => one.renew(granted(old[n]), anEvent())));
    expect(renewed.map(tokenOf)).toEqual(['token-2', 'token-2']);
    expect(server.seen).toHaveLength(2);
  });

  it('count the lifetime by what is left of it in Redis', async () => {
    const first = start();
    await first.authorizer(config).authorize();
    await redisServer.connect().pexpire(tokenKey(config), 100_000);
    const second = start();
    const authorizer = second.authorizer(config);
    const token = await second.accepted(authorizer);
    expect(tokenOf(token)).toBe('token-1');
    second.clock.now += 39_000;
    expect(authorizer.authorize()).toBe(token);
    second.clock.now += 61_000;
    expect(authorizer.authorize()).toBeInstanceOf(Promise);
  });

  it('fail together with the one that asked', async () => {
    server.reply = () => ({ status: 401, body: { error: 'invalid_client' } });
    const [a, b] = [start().authorizer(config), start().authorizer(config)];
    const results = await Promise.all([a.authorize(), b.authorize()]);
    const advice = 'the token service refuses the credentials: check clientId, clientSecret and style';
    const failure = `token service ${server.url} answered 401: invalid_client; ${advice}`;
    const blame = 'credentials';
    expect(results).toMatchObject([
      { failure, blame },
      { failure, blame },
    ]);
    expect(server.seen).toHaveLength(1);
  });

  it('keep one pause, which doubles whichever of them asks', async () => {
    server.reply = () => ({ status: 400, body: '' });
    const [a, b] = [start(), start()];
    const [asked, told] = [a.authorizer(config), b.authorizer(config)];
    for (const [requests, pause] of [5_000, 10_000, 20_000].entries()) {
      expect(await asked.authorize()).toMatchObject({ retryInMs: pause });
      const adopted = (await told.authorize()) as TokenMissing;
      expect(adopted.blame).toBe('credentials');
      expect(adopted.retryInMs).toBeLessThanOrEqual(pause);
      expect(adopted.retryInMs).toBeGreaterThan(0);
      expect(server.seen).toHaveLength(requests + 1);
      a.clock.now += pause;
      b.clock.now += pause;
    }
    // The first is gone, and its pause is over.
    await redisServer.connect().del(...(await redisServer.connect().keys(`*${tokenKey(config)}*failed*`)));
    expect(await told.authorize()).toMatchObject({ retryInMs: 40_000 });
    expect(server.seen).toHaveLength(4);
  });

  it('have no pause left once one of them has a token', async () => {
    server.reply = (n) => (n === 1 ? { status: 400, body: '' } : tokenReply(n));
    const [a, b] = [start(), start()];
    const [first, second] = [a.authorizer(config), b.authorizer(config)];
    await first.authorize();
    a.clock.now += 5_000;
    await a.accepted(first);
    const held = await b.accepted(second);
    expect(tokenOf(await second.renew(held, anEvent()))).toBe('token-3');
  });

  it('keep no pause if one of them is short of sockets', async () => {
    const shortage = { kind: 'shortage', code: 'EMFILE', detail: 'no connection to it' } as const;
    const short = start();
    const authorizer = short.authorizers.get({
      client: 'acme',
      auth: config,
      post: async () => shortage,
      timeoutMs: 60_000,
      network: '',
    });
    for (let n = 0; n < 3; n += 1) {
      expect(await authorizer.authorize()).toMatchObject({ blame: 'local', retryInMs: 1_000 });
    }
    expect(short.lines).toEqual([]);
    expect(tokenOf(await start().authorizer(config).authorize())).toBe('token-1');
    expect(tokenOf(await authorizer.authorize())).toBe('token-1');
  });

  it('heed together the Retry-After that one of them was told, also after a restart', async () => {
    server.reply = () => ({ status: 429, body: {}, headers: { 'retry-after': '300' } });
    await start().authorizer(config).authorize();
    const later = start();
    const authorizer = later.authorizer(config);
    expect(await authorizer.authorize()).toMatchObject({ failure: expect.stringMatching(/ answered 429$/) });
    later.clock.now += 290_000;
    expect(await authorizer.authorize()).toHaveProperty('failure');
    expect(server.seen).toHaveLength(1);
  });

  it('that ask in different ways share the token, but not each other’s failures', async () => {
    const json: OAuth2Config = { ...config, style: 'json' };
    server.reply = (n) => (n === 1 ? { status: 400, body: '' } : tokenReply(n));
    const self = start();
    const [asForm, asJson] = [self.authorizer(config), self.authorizer(json)];
    expect(await asForm.authorize()).toHaveProperty('failure');
    expect(tokenOf(await asJson.authorize())).toBe('token-2');
    self.clock.now += 5_000;
    expect(tokenOf(await asForm.authorize())).toBe('token-2');
    expect(server.seen).toHaveLength(2);
  });
});

describe('the lock', () => {
  it('of a holder that died is succeeded when it runs out', async () => {
    const redis = redisServer.connect();
    const key = tokenKey(config);
    const dead = new TokenStore({ redis, key, variant: '', lockMs: 300, timeoutMs: 60_000 });
    // Before the claim: what passes from then on is at least what the lock lasts.
    const startedAt = performance.now();
    expect(await dead.claim('')).toEqual({ kind: 'claimed' });
    expect(tokenOf(await start().authorizer(config).authorize())).toBe('token-1');
    expect(performance.now() - startedAt).toBeGreaterThan(290);
  });

  it('is given back with the token, and after a failure, and when called off', async () => {
    const redis = redisServer.connect();
    const lock = `{${tokenKey(config)}}:lock`;
    const self = start();
    const authorizer = self.authorizer(config);
    const token = granted(await authorizer.authorize());
    expect(await redis.exists(lock)).toBe(0);
    server.reply = () => ({ status: 400, body: '' });
    await authorizer.renew(token, anEvent());
    expect(await redis.exists(lock)).toBe(0);
    server.reply = () => 'hang';
    self.clock.now += 5_000;
    const hanging = authorizer.renew(token, anEvent());
    await server.received(3);
    expect(await redis.pttl(lock)).toBeGreaterThan(2_000);
    await self.authorizers.close();
    expect(await hanging).toMatchObject({ calledOff: true });
    expect(await redis.exists(lock)).toBe(0);
  });
});

describe('what stands in Redis', () => {
  it('is the token with an id, for its lifetime, under a name that tells nothing', async () => {
    await start().authorizer(config).authorize();
    const redis = redisServer.connect();
    const key = tokenKey(config);
    expect(JSON.parse((await redis.get(key)) ?? '')).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      accessToken: 'token-1',
      lifetimeMs: HOUR,
    });
    const ttl = await redis.pttl(key);
    expect(ttl).toBeGreaterThan(HOUR - 30_000);
    expect(ttl).toBeLessThanOrEqual(HOUR);
  });

  it.each([
    ['no JSON', 'nonsense'],
    ['null', 'null'],
    ['no token', '{"id":"1"}'],
    ['a token that no header can carry', JSON.stringify({ id: '1', accessToken: 'a\r\nb', lifetimeMs: 1 })],
  ])('is replaced where it is %s', async (_what, value) => {
    await redisServer.connect().set(tokenKey(config), value, 'PX', HOUR);
    expect(tokenOf(await start().authorizer(config).authorize())).toBe('token-1');
    expect(tokenOf(await start().authorizer(config).authorize())).toBe('token-1');
    expect(server.seen).toHaveLength(1);
  });

  it('is not taken up again where this process has put it away', async () => {
    const redis = redisServer.connect();
    const authorizer = start().authorizer(config);
    const first = granted(await authorizer.authorize());
    const stored = (await redis.get(tokenKey(config))) ?? '';
    const second = granted(await authorizer.renew(first, anEvent()));
    await redis.set(tokenKey(config), stored, 'PX', HOUR);
    authorizer.reportAccepted(second);
    expect(tokenOf(await authorizer.renew(second, anEvent()))).toBe('token-3');
  });
});

describe('Redis away', () => {
  it('costs nothing but the sharing', async () => {
    const ownRedis = await startRedisServer();
    const redis = ownRedis.connect();
    await redis.ping();
    const authorizer = start({ redis, redisTimeoutMs: 20 }).authorizer(config);
    const first = granted(await authorizer.authorize());
    await ownRedis.stop();
    expect(tokenOf(await authorizer.renew(first, anEvent()))).toBe('token-2');
  });

  it('that takes no writes is as good as away', async () => {
    const ownRedis = await startRedisServer();
    await ownRedis.connect().config('SET', 'maxmemory', '1');
    const authorizer = start({ redis: ownRedis.connect() }).authorizer(config);
    expect(tokenOf(await authorizer.authorize())).toBe('token-1');
    await ownRedis.stop();
  });

  it('that never answers is waited for no longer than its time', async () => {
    const redis = { eval: () => new Promise<never>(() => {}) };
    const authorizer = start({ redis, redisTimeoutMs: 20 }).authorizer(config);
    expect(tokenOf(await authorizer.authorize())).toBe('token-1');
  });
});

describe('the registry', () => {
  it('shares one authorizer between clients with the same credentials and network settings', () => {
    const self = start();
    const one = self.authorizer(config, 'plain');
    expect(self.authorizer({ ...config }, 'plain')).toBe(one);
    expect(self.authorizer(config, 'with a certificate')).not.toBe(one);
    expect(self.authorizer({ ...config, clientSecret: 'other' }, 'plain')).not.toBe(one);
    expect(self.authorizer({ ...config, scope: 'read' }, 'plain')).not.toBe(one);
  });

  it('shares the token through Redis where network settings differ', async () => {
    const self = start();
    await self.authorizer(config, 'plain').authorize();
    expect(tokenOf(await self.authorizer(config, 'other').authorize())).toBe('token-1');
    expect(server.seen).toHaveLength(1);
  });

  it('makes authorizers of the other types too', () => {
    const post = () => Promise.reject(new Error('not asked'));
    const auth = { type: 'bearer', token: 'abc' } as const;
    const authorizer = start().authorizers.get({ client: 'acme', auth, post, timeoutMs: 1_000, network: '' });
    expect(authorizer.renewable).toBe(false);
    expect(authorizer.authorize()).toMatchObject({ headers: ['Authorization', 'Bearer abc'] });
  });
});
