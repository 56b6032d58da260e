import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Authorization, Authorizer, RenewResult } from '../../src/auth/authorizer.ts';
import { CallOff } from '../../src/core/call-off.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { anEvent, granted, type SimulatedProcess, simulateProcess, tokenOf } from './support/processes.ts';
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
  self = simulateProcess();
  authorizer = self.authorizer(configOf());
});

afterEach(async () => {
  await self.close();
  await server.close();
  const told = self.lines.join('\n');
  expect(told).not.toContain(SECRET);
  expect(told).not.toMatch(/token-\d/);
});

function configOf(scope?: string) {
  const { url: tokenUrl } = server;
  const config = {
    type: 'oauth2',
    tokenUrl,
    clientId: 'waybill',
    clientSecret: SECRET,
    style: 'json',
  } as const;
  return scope === undefined ? config : { ...config, scope };
}

const accepted = () => self.accepted(authorizer);

/** A request with `refused` is refused, and so is the one with the new token that it gets. */
async function refusedTwice(refused: Authorization): Promise<Authorization> {
  const renewed = granted(await authorizer.renew(refused, anEvent()));
  authorizer.reportRefused(renewed, anEvent());
  return renewed;
}

async function failureOf(result: Promise<RenewResult> | RenewResult): Promise<string> {
  const settled = await result;
  if (settled === undefined || !('failure' in settled)) throw new Error('expected a failure');
  return settled.failure;
}

describe('a token at hand', () => {
  it('is asked for once, by the first request, and handed out at once after it was accepted', async () => {
    expect(server.seen).toHaveLength(0);
    const waiting = Array.from({ length: 300 }, () => authorizer.authorize());
    const first = granted(await (waiting[0] as Promise<Authorization>));
    authorizer.reportAccepted(first);
    expect(new Set((await Promise.all(waiting)).map(tokenOf))).toEqual(new Set(['token-1']));
    expect(authorizer.authorize()).toBe(first);
    expect(server.seen).toHaveLength(1);
  });

  it('is renewed in the last minute while the old one stays in use, by one request', async () => {
    const first = await accepted();
    self.clock.now += HOUR - 60 * SECOND - 1;
    expect(authorizer.authorize()).toBe(first);
    expect(server.seen).toHaveLength(1);
    self.clock.now += 1;
    for (let n = 0; n < 10; n += 1) expect(authorizer.authorize()).toBe(first);
    const renewed = granted(await authorizer.renew(first, anEvent()));
    expect(tokenOf(renewed)).toBe('token-2');
    authorizer.reportAccepted(renewed);
    expect(authorizer.authorize()).toBe(renewed);
    expect(server.seen).toHaveLength(2);
  });

  it('is renewed in the last tenth of a short life', async () => {
    server.reply = (n) => tokenReply(n, { expires_in: 100 });
    const first = await accepted();
    self.clock.now += 90 * SECOND - 1;
    expect(authorizer.authorize()).toBe(first);
    self.clock.now += 1;
    expect(authorizer.authorize()).toBe(first);
    await server.received(2);
  });

  it('is waited for once it has expired', async () => {
    await accepted();
    self.clock.now += HOUR;
    const waiting = authorizer.authorize();
    expect(waiting).toBeInstanceOf(Promise);
    expect(tokenOf(await waiting)).toBe('token-2');
  });

  it('stays in use while renewals ahead of expiry fail, which are tried again after 5 s, 10 s, 20 s', async () => {
    const first = await accepted();
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

describe('a fresh token', () => {
  it('is tried by one request at a time, each 500 ms, and the others wait until it is accepted', async () => {
    const order: number[] = [];
    const waiting = Array.from({ length: 30 }, async (_, n) => {
      const token = granted(await authorizer.authorize());
      order.push(n);
      return token;
    });
    const first = (await waiting[0]) as Authorization;
    expect(order).toEqual([0]);
    for (const tried of [
      [0, 1],
      [0, 1, 2],
      [0, 1, 2, 3],
    ]) {
      await self.pass(499);
      expect(order).toEqual(tried.slice(0, -1));
      await self.pass(1);
      expect(order).toEqual(tried);
    }
    authorizer.reportAccepted(first);
    await Promise.all(waiting);
    expect(order).toEqual(Array.from({ length: 30 }, (_, n) => n));
    expect(authorizer.authorize()).toBe(first);
  });

  it('holds nobody for more than 3 s, although nobody has accepted it', async () => {
    const waiting = Array.from({ length: 30 }, () => authorizer.authorize());
    await waiting[0];
    for (let ms = 0; ms < 3_000; ms += 500) await self.pass(500);
    expect(new Set((await Promise.all(waiting)).map(tokenOf))).toEqual(new Set(['token-1']));
    expect(authorizer.authorize()).not.toBeInstanceOf(Promise);
    expect(server.seen).toHaveLength(1);
  });

  it('leaves the one before in use until it is accepted, if that was good', async () => {
    const first = await accepted();
    self.clock.now += HOUR - 60 * SECOND;
    const renewed = self.nextLine();
    expect(authorizer.authorize()).toBe(first);
    await renewed;
    const second = granted(authorizer.authorize() as Authorization);
    expect(tokenOf(second)).toBe('token-2');
    for (let n = 0; n < 10; n += 1) expect(authorizer.authorize()).toBe(first);
    // The service has ended the one before: its requests wait for the new one, and the others do as well.
    const waiting = authorizer.renew(first, anEvent());
    expect(authorizer.authorize()).toBeInstanceOf(Promise);
    authorizer.reportAccepted(second);
    expect(await waiting).toBe(second);
    expect(server.seen).toHaveLength(2);
  });

  it('is not tried by a request that was called off while it waited', async () => {
    const first = granted(await authorizer.authorize());
    const callOff = new CallOff();
    const calledOff = Array.from({ length: 20 }, () => authorizer.authorize(callOff));
    const wanted = authorizer.authorize();
    callOff.abort();
    await self.pass(500);
    expect(await Promise.all(calledOff)).toEqual(
      calledOff.map(() => expect.objectContaining({ calledOff: true })),
    );
    expect(await wanted).toBe(first);
  });

  it('is tried by the next request at once after the refusal of the event that asked for it', async () => {
    const first = await accepted();
    const second = granted(await authorizer.renew(first, anEvent()));
    const healthy = authorizer.authorize();
    expect(healthy).toBeInstanceOf(Promise);
    authorizer.reportRefused(second, anEvent());
    expect(await healthy).toBe(second);
    authorizer.reportAccepted(second);
    expect(authorizer.authorize()).toBe(second);
  });
});

describe('a refusal', () => {
  it('a storm of 300 costs one token request', async () => {
    const first = await accepted();
    const storm = Array.from({ length: 300 }, () => authorizer.renew(first, anEvent()));
    authorizer.reportAccepted(granted(await storm[0]));
    expect(new Set((await Promise.all(storm)).map(tokenOf))).toEqual(new Set(['token-2']));
    expect(server.seen).toHaveLength(2);
  });

  it('that comes late renews nothing', async () => {
    const first = await accepted();
    const second = granted(await authorizer.renew(first, anEvent()));
    authorizer.reportAccepted(second);
    expect(second.version).toBeGreaterThan(first.version);
    expect(await authorizer.renew(first, anEvent())).toBe(second);
    authorizer.reportRefused(first, anEvent());
    expect(authorizer.authorize()).toBe(second);
    expect(server.seen).toHaveLength(2);
  });

  it('lets other requests go on with the token, until three in a row were refused', async () => {
    const first = await accepted();
    server.reply = () => 'hang';
    const renewals = [authorizer.renew(first, anEvent()), authorizer.renew(first, anEvent())];
    expect(authorizer.authorize()).toBe(first);
    renewals.push(authorizer.renew(first, anEvent()));
    expect(authorizer.authorize()).toBeInstanceOf(Promise);
    authorizer.reportAccepted(first);
    expect(authorizer.authorize()).toBe(first);
    await self.authorizers.close();
    for (const renewal of renewals) expect(await renewal).toMatchObject({ calledOff: true });
  });

  it('of a renewed token blocks renewals for 5 s, doubling to 60 s, and never a send', async () => {
    let current = granted(await authorizer.authorize());
    for (const pause of [5, 10, 20, 40, 60, 60]) {
      const requests = server.seen.length;
      const renewed = granted(await authorizer.renew(current, anEvent()));
      expect(server.seen).toHaveLength(requests + 1);
      for (let n = 0; n < 300; n += 1) authorizer.reportRefused(renewed, anEvent());
      await self.pass(3 * SECOND);
      for (let n = 0; n < 10; n += 1) {
        expect(authorizer.authorize()).toBe(renewed);
        expect(await authorizer.renew(renewed, anEvent())).toBeUndefined();
      }
      await self.pass((pause - 3) * SECOND - 1);
      expect(await authorizer.renew(renewed, anEvent())).toBeUndefined();
      expect(server.seen).toHaveLength(requests + 1);
      await self.pass(1);
      current = renewed;
    }
  });

  it('of a renewed token by another event than the one that asked for it blocks as well', async () => {
    const first = await accepted();
    const second = granted(await authorizer.renew(first, anEvent()));
    expect(await authorizer.renew(second, anEvent())).toBeUndefined();
    expect(server.seen).toHaveLength(2);
  });

  it('doubles the block only while no request is accepted with the token', async () => {
    let current = await accepted();
    for (let n = 0; n < 4; n += 1) {
      const renewed = await refusedTwice(current);
      authorizer.reportAccepted(renewed);
      await self.pass(5 * SECOND - 1);
      expect(await authorizer.renew(renewed, anEvent())).toBeUndefined();
      authorizer.reportAccepted(renewed);
      expect(authorizer.authorize()).toBe(renewed);
      await self.pass(1);
      current = renewed;
    }
    expect(server.seen).toHaveLength(5);
    expect(self.lines.filter((line) => line.startsWith('renewed token refused'))).toHaveLength(4);
  });

  it('of one event leaves the token to the others, whose requests wait for nothing', async () => {
    const renewed = await refusedTwice(await accepted());
    authorizer.reportAccepted(renewed);
    for (let n = 0; n < 100; n += 1) {
      expect(authorizer.authorize()).toBe(renewed);
      if (n % 10 === 0) expect(await authorizer.renew(renewed, anEvent())).toBeUndefined();
      else authorizer.reportAccepted(renewed);
    }
    expect(server.seen).toHaveLength(2);
  });

  it('does not keep an expired token from being replaced during the block', async () => {
    server.reply = (n) => tokenReply(n, { expires_in: 6 });
    const second = await refusedTwice(await accepted());
    await self.pass(5 * SECOND);
    const third = await refusedTwice(second);
    await self.pass(6 * SECOND);
    expect(await authorizer.renew(third, anEvent())).toBeUndefined();
    expect(tokenOf(await authorizer.authorize())).toBe('token-4');
  });

  it('of one event, however often, does not count against the token', async () => {
    const first = await accepted();
    server.reply = () => BUSY;
    for (let attempt = 1; attempt <= 6; attempt += 1) {
      expect(await authorizer.renew(first, 'the same event')).toHaveProperty('failure');
      expect(authorizer.authorize()).toBe(first);
    }
  });
});

describe('a token request that fails', () => {
  it('is not repeated for 5 s, doubling to 60 s; meanwhile there is no token, and the wait is told', async () => {
    server.reply = () => ({
      status: 401,
      body: { error: 'invalid_client', error_description: `not ${SECRET}` },
    });
    const advice = 'the token service refuses the credentials: check clientId, clientSecret and style';
    const sentence = `token service ${server.url} answered 401: invalid_client, not ***; ${advice}`;
    const blame = 'credentials';
    let requests = 0;
    for (const pause of [5, 10, 20, 40, 60, 60]) {
      const waiting = Array.from({ length: 50 }, () => authorizer.authorize());
      expect(await waiting[49]).toEqual({ failure: sentence, blame, retryInMs: pause * SECOND });
      requests += 1;
      expect(authorizer.authorize()).toEqual({
        failure: `${sentence}; no token is asked for during the next ${pause} s`,
        blame,
        retryInMs: pause * SECOND,
      });
      self.clock.now += pause * SECOND - 1;
      expect(authorizer.authorize()).toMatchObject({ blame, retryInMs: 1 });
      expect(server.seen).toHaveLength(requests);
      self.clock.now += 1;
    }
    server.reply = (n) => tokenReply(n);
    await accepted();
    server.reply = () => BUSY;
    self.clock.now += HOUR;
    await authorizer.authorize();
    expect(await failureOf(authorizer.authorize())).toMatch(/next 5 s$/);
  });

  it('is not repeated before the service’s own Retry-After is over', async () => {
    server.reply = () => ({ status: 429, body: {}, headers: { 'retry-after': '300' } });
    expect(await failureOf(authorizer.authorize())).toMatch(/ answered 429$/);
    expect(await failureOf(authorizer.authorize())).toMatch(/next 300 s$/);
    self.clock.now += 300 * SECOND - 1;
    expect(await failureOf(authorizer.authorize())).toMatch(/next 1 s$/);
    expect(server.seen).toHaveLength(1);
    self.clock.now += 1;
    server.reply = (n) => tokenReply(n);
    expect(tokenOf(await authorizer.authorize())).toBe('token-2');
  });

  it.each([
    [
      400,
      'credentials',
      /; the token service refuses the credentials: check clientId, clientSecret and style$/,
    ],
    [404, 'credentials', /answered 404; check tokenUrl$/],
    [302, 'credentials', /redirects are not followed; check tokenUrl$/],
    [408, 'service', /answered 408$/],
    [429, 'service', /answered 429$/],
    [503, 'service', /answered 503$/],
  ])('with %i says in the log that %s are to blame', async (status, blame, sentence) => {
    server.reply = () => ({ status, body: {}, headers: { 'retry-after': '7' } });
    expect(await authorizer.authorize()).toMatchObject({ blame, retryInMs: 7 * SECOND });
    expect(await failureOf(authorizer.renew({ headers: [], version: 0 }, anEvent()))).toContain('next 7 s');
    const [, fields = '{}'] = /^token renewal blocked (.*)/.exec(self.lines[0] ?? '') ?? [];
    const told = JSON.parse(fields);
    expect(told).toMatchObject({ blame, blockedMs: 7 * SECOND });
    expect(told.failure).toMatch(sentence);
  });

  it('is repeated after an hour at the latest, whatever the service asks for', async () => {
    server.reply = () => ({ status: 503, body: {}, headers: { 'retry-after': '999999' } });
    await authorizer.authorize();
    expect(await failureOf(authorizer.authorize())).toMatch(/next 3600 s$/);
  });

  it('after a refusal leaves the token in use, until three in a row were refused', async () => {
    const first = await accepted();
    server.reply = () => BUSY;
    for (let refusals = 1; refusals < 3; refusals += 1) {
      expect(await authorizer.renew(first, anEvent())).toHaveProperty('failure');
      expect(authorizer.authorize()).toBe(first);
    }
    expect(await authorizer.renew(first, anEvent())).toHaveProperty('failure');
    // From now on there is no token: nothing is sent with the refused one.
    for (let n = 0; n < 300; n += 1) expect(authorizer.authorize()).toMatchObject({ retryInMs: 5 * SECOND });
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

describe('two scopes of one client id', () => {
  const told = () => self.lines.filter((line) => line.startsWith('two scopes'));

  it('that void each other’s tokens are told once, by name', async () => {
    const scopes = [self.authorizer(configOf('read')), self.authorizer(configOf('write'))];
    const held = await Promise.all(scopes.map((one) => self.accepted(one)));
    for (let round = 0; round < 6; round += 1) {
      for (const [n, one] of scopes.entries()) {
        // The other's newer token has voided this one's.
        const renewed = granted(await one.renew(held[n] as Authorization, anEvent()));
        one.reportAccepted(renewed);
        held[n] = renewed;
      }
    }
    expect(told()).toHaveLength(1);
    expect(told()[0]).toContain(
      '"scopes":[{"scope":"write","clients":["acme"]},{"scope":"read","clients":["acme"]}]',
    );
    expect(told()[0]).toContain(server.url);
  });

  it.each(['in one order', 'in turns'])('whose tokens all end early, %s, are not told', async (order) => {
    const scopes = [self.authorizer(configOf('read')), self.authorizer(configOf('write'))];
    const held = await Promise.all(scopes.map((one) => self.accepted(one)));
    for (let round = 0; round < 6; round += 1) {
      const entries = [...scopes.entries()];
      if (order === 'in turns' && round % 2 === 1) entries.reverse();
      for (const [n, one] of entries) {
        const renewed = granted(await one.renew(held[n] as Authorization, anEvent()));
        one.reportAccepted(renewed);
        held[n] = renewed;
      }
      for (const [n, one] of scopes.entries()) one.reportAccepted(held[n] as Authorization);
    }
    expect(told()).toEqual([]);
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
