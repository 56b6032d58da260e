import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Authorizer } from '../../src/auth/authorizer.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { granted, type SimulatedProcess, simulateProcess, tokenOf } from './support/processes.ts';
import { startTokenServer, type TokenServer, tokenReply } from './support/token-server.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const SECRET = 'the-client-secret';
const BUSY = { status: 400, body: { error: 'temporarily_unavailable' } };

failOnLeaks();

let server: TokenServer;
let self: SimulatedProcess;
let authorizer: Authorizer;

beforeEach(async () => {
  server = await startTokenServer();
  const { url: tokenUrl } = server;
  const config = {
    type: 'oauth2',
    tokenUrl,
    clientId: 'waybill',
    clientSecret: SECRET,
    style: 'json',
  } as const;
  self = simulateProcess();
  authorizer = self.authorizer(config);
});

afterEach(async () => {
  await self.close();
  await server.close();
  const told = self.lines.join('\n');
  expect(told).not.toContain(SECRET);
  expect(told).not.toMatch(/token-\d/);
});

async function failureOf(result: ReturnType<Authorizer['authorize']>): Promise<string> {
  const settled = await result;
  if (!('failure' in settled)) throw new Error('expected a failure');
  return settled.failure;
}

describe('a token at hand', () => {
  it('is asked for once, by the first request, and then handed out at once', async () => {
    expect(server.seen).toHaveLength(0);
    const first = await Promise.all(Array.from({ length: 300 }, () => authorizer.authorize()));
    expect(new Set(first.map(tokenOf))).toEqual(new Set(['token-1']));
    expect(authorizer.authorize()).toBe(first[0]);
    expect(server.seen).toHaveLength(1);
  });

  it('is renewed in the last minute while the old one stays in use, by one request', async () => {
    const first = granted(await authorizer.authorize());
    self.clock.now += HOUR - 60 * SECOND - 1;
    expect(authorizer.authorize()).toBe(first);
    expect(server.seen).toHaveLength(1);
    self.clock.now += 1;
    for (let n = 0; n < 10; n += 1) expect(authorizer.authorize()).toBe(first);
    const renewed = await authorizer.renew(first);
    expect(tokenOf(renewed)).toBe('token-2');
    expect(authorizer.authorize()).toBe(renewed);
    expect(server.seen).toHaveLength(2);
  });

  it('is renewed in the last tenth where it lives shortly', async () => {
    server.reply = (n) => tokenReply(n, { expires_in: 100 });
    const first = await authorizer.authorize();
    self.clock.now += 90 * SECOND - 1;
    expect(authorizer.authorize()).toBe(first);
    self.clock.now += 1;
    expect(authorizer.authorize()).toBe(first);
    await server.received(2);
  });

  it('is waited for once it has expired', async () => {
    await authorizer.authorize();
    self.clock.now += HOUR;
    const waiting = authorizer.authorize();
    expect(waiting).toBeInstanceOf(Promise);
    expect(tokenOf(await waiting)).toBe('token-2');
  });

  it('stays in use while renewals ahead of expiry fail, which are tried again after 5 s, 10 s, 20 s', async () => {
    const first = granted(await authorizer.authorize());
    authorizer.reportAccepted(first);
    server.reply = () => BUSY;
    self.clock.now += HOUR - 60 * SECOND;
    let requests = 1;
    for (const pause of [5, 10, 20]) {
      const failed = self.nextLine();
      expect(authorizer.authorize()).toBe(first);
      await failed;
      requests += 1;
      authorizer.reportAccepted(first);
      self.clock.now += pause * SECOND - 1;
      expect(authorizer.authorize()).toBe(first);
      expect(server.seen).toHaveLength(requests);
      self.clock.now += 1;
    }
    self.clock.now += (60 - 5 - 10 - 20) * SECOND;
    server.reply = (n) => tokenReply(n);
    expect(tokenOf(await authorizer.authorize())).toBe('token-5');
  });
});

describe('a 401', () => {
  it('a storm of 300 costs one token request', async () => {
    const first = granted(await authorizer.authorize());
    const renewed = await Promise.all(Array.from({ length: 300 }, () => authorizer.renew(first)));
    expect(new Set(renewed.map(tokenOf))).toEqual(new Set(['token-2']));
    expect(server.seen).toHaveLength(2);
  });

  it('that comes late renews nothing', async () => {
    const first = granted(await authorizer.authorize());
    const second = granted(await authorizer.renew(first));
    expect(second.version).toBeGreaterThan(first.version);
    expect(await authorizer.renew(first)).toBe(second);
    authorizer.reportRefused(first);
    expect(authorizer.authorize()).toBe(second);
    expect(server.seen).toHaveLength(2);
  });

  it('lets requests that begin meanwhile wait for the new token', async () => {
    const first = granted(await authorizer.authorize());
    const renewing = authorizer.renew(first);
    const waiting = authorizer.authorize();
    expect(waiting).toBeInstanceOf(Promise);
    expect(await waiting).toBe(await renewing);
  });

  it('to the renewed token blocks for 5 s, doubling to 60 s; between blocks one more try', async () => {
    let current = granted(await authorizer.authorize());
    for (const pause of [5, 10, 20, 40, 60, 60]) {
      const requests = server.seen.length;
      const renewed = granted(await authorizer.renew(current));
      expect(server.seen).toHaveLength(requests + 1);
      for (let n = 0; n < 300; n += 1) authorizer.reportRefused(renewed);
      const unsent = `the endpoint answered 401 to a renewed token as well; no token is asked for during the next ${pause} s`;
      expect(authorizer.authorize()).toEqual({ failure: unsent });
      expect(await failureOf(authorizer.renew(renewed))).toBe(unsent);
      self.clock.now += pause * SECOND - 1;
      expect(await failureOf(authorizer.authorize())).toMatch(/next 1 s$/);
      self.clock.now += 1;
      expect(authorizer.authorize()).toBe(renewed);
      expect(server.seen).toHaveLength(requests + 1);
      current = renewed;
    }
  });

  it('doubling ends with a token that is accepted', async () => {
    const first = granted(await authorizer.authorize());
    const second = granted(await authorizer.renew(first));
    authorizer.reportRefused(second);
    self.clock.now += 5 * SECOND;
    const third = granted(await authorizer.renew(second));
    authorizer.reportAccepted(third);
    const fourth = granted(await authorizer.renew(third));
    authorizer.reportRefused(fourth);
    expect(await failureOf(authorizer.authorize())).toMatch(/next 5 s$/);
  });

  it('of one endpoint leaves the token to the others that accept it, and its renewals still double', async () => {
    const first = granted(await authorizer.authorize());
    authorizer.reportAccepted(first);
    let refused = first;
    for (const pause of [5, 10, 20]) {
      const renewed = granted(await authorizer.renew(refused));
      authorizer.reportAccepted(renewed);
      authorizer.reportRefused(renewed);
      expect(authorizer.authorize()).toBe(renewed);
      expect(await failureOf(authorizer.renew(renewed))).toMatch(new RegExp(`next ${pause} s$`));
      expect(authorizer.authorize()).toBe(renewed);
      self.clock.now += pause * SECOND;
      refused = renewed;
    }
    expect(server.seen).toHaveLength(4);
  });

  it('an acceptance that comes after the refusal brings the token back at once', async () => {
    const first = granted(await authorizer.authorize());
    const second = granted(await authorizer.renew(first));
    authorizer.reportRefused(second);
    expect(authorizer.authorize()).toHaveProperty('failure');
    authorizer.reportAccepted(second);
    expect(authorizer.authorize()).toBe(second);
  });
});

describe('a token request that fails', () => {
  it('is not repeated for 5 s, doubling to 60 s; attempts meanwhile fail unsent', async () => {
    server.reply = () => ({
      status: 401,
      body: { error: 'invalid_client', error_description: `not ${SECRET}` },
    });
    const sentence = `token service ${server.url} answered 401: invalid_client, not ***`;
    let requests = 0;
    for (const pause of [5, 10, 20, 40, 60, 60]) {
      const waiting = Array.from({ length: 50 }, () => authorizer.authorize());
      expect(await failureOf(waiting[49] as never)).toBe(sentence);
      requests += 1;
      expect(authorizer.authorize()).toEqual({
        failure: `${sentence}; no token is asked for during the next ${pause} s`,
      });
      self.clock.now += pause * SECOND - 1;
      expect(authorizer.authorize()).toHaveProperty('failure');
      expect(server.seen).toHaveLength(requests);
      self.clock.now += 1;
    }
    server.reply = (n) => tokenReply(n);
    authorizer.reportAccepted(granted(await authorizer.authorize()));
    server.reply = () => BUSY;
    self.clock.now += HOUR;
    await authorizer.authorize();
    expect(await failureOf(authorizer.authorize())).toMatch(/next 5 s$/);
  });

  it('after a 401 keeps the refused token out of use, and is repeated after the block', async () => {
    const first = granted(await authorizer.authorize());
    server.reply = () => BUSY;
    expect(await authorizer.renew(first)).toHaveProperty('failure');
    expect(authorizer.authorize()).toHaveProperty('failure');
    expect(await authorizer.renew(first)).toHaveProperty('failure');
    expect(server.seen).toHaveLength(2);
    self.clock.now += 5 * SECOND;
    server.reply = (n) => tokenReply(n);
    expect(tokenOf(await authorizer.authorize())).toBe('token-3');
  });

  it('with a 5xx is tried three times', async () => {
    server.reply = () => ({ status: 502, body: '<html>' });
    expect(await failureOf(authorizer.authorize())).toMatch(/ answered 502 \(3 tries\)$/);
    expect(server.seen).toHaveLength(3);
  });
});

describe('close', () => {
  it('calls the token request off, which counts as nothing', async () => {
    server.reply = () => 'hang';
    const waiting = authorizer.authorize();
    await server.received(1);
    await self.authorizers.close();
    expect(await waiting).toMatchObject({ calledOff: true });
    expect(self.lines).toEqual([]);
  });
});
