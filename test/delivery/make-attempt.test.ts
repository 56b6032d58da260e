import { describe, expect, test } from 'vitest';
import type { AuthorizeResult, Authorizer, RenewResult } from '../../src/auth/authorizer.ts';
import type { OAuth2Config } from '../../src/config/client-config.ts';
import type { AttemptResult } from '../../src/core/attempt-result.ts';
import { CallOff } from '../../src/core/call-off.ts';
import { countWithheld, createAttempt } from '../../src/delivery/make-attempt.ts';
import { simulateProcess } from '../auth/support/processes.ts';
import { startTokenServer, tokenReply } from '../auth/support/token-server.ts';
import { storedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';

failOnLeaks();

const URL = 'https://returns.acme.example/d';
const GRANTED = { headers: ['Authorization', 'Bearer one'], token: 'one', version: 1 } as const;
const RENEWED = { headers: ['Authorization', 'Bearer two'], token: 'two', version: 2 } as const;
const AWAY = { failure: 'token service answered 503', blame: 'service', retryInMs: 5_000 } as const;
const SHORT_TOKEN = { failure: 'token service was not asked', blame: 'local', retryInMs: 1_000 } as const;
const SHORT: AttemptResult = { kind: 'shortage', code: 'EMFILE', detail: 'no connection to acme' };
const SHORT_WITHHELD = {
  withheld: 'local',
  blame: 'local',
  detail: 'no connection to acme',
  retryInMs: 1_000,
} as const;
const answer = (status: number, body = ''): AttemptResult => ({ kind: 'answer', status, body });

/** One attempt with these answers in turn; `sent` has the token of each request. */
async function attemptWith(
  answers: readonly AttemptResult[],
  { authorized = GRANTED, renewed }: { authorized?: AuthorizeResult; renewed?: RenewResult } = {},
) {
  const sent: (string | undefined)[] = [];
  const authorizer: Authorizer = {
    renewable: true,
    authorize: () => authorized,
    renew: async () => renewed,
    reportRefused: () => {},
    reportAccepted: () => {},
  };
  const attempt = createAttempt({
    post: async ({ headers }) => {
      const token = headers[headers.indexOf('Authorization') + 1];
      return answers[sent.push(token) - 1] as AttemptResult;
    },
    authorizer,
    renewOn: [],
    timeoutMs: 1_000,
    userAgent: 'waybill/test',
    now: () => 0,
    monotonicNow: () => 0,
  });
  return { made: await attempt(storedEvent(1), URL, new CallOff()), sent };
}

describe('without a token', () => {
  test.each(['service', 'credentials'] as const)(
    'nothing is sent, and it says when to ask again: %s',
    async (blame) => {
      const { made, sent } = await attemptWith([], { authorized: { ...AWAY, blame } });
      expect(made).toEqual({ withheld: 'token', blame, detail: AWAY.failure, retryInMs: 5_000 });
      expect(sent).toEqual([]);
    },
  );

  test('because this machine is short of sockets, nothing is sent, and that is ours', async () => {
    const { made, sent } = await attemptWith([], { authorized: SHORT_TOKEN });
    expect(made).toEqual({
      withheld: 'local',
      blame: 'local',
      detail: SHORT_TOKEN.failure,
      retryInMs: 1_000,
    });
    expect(sent).toEqual([]);
  });

  test('because the attempt was called off, nothing comes of it', async () => {
    const { made, sent } = await attemptWith([], { authorized: { failure: 'called off', calledOff: true } });
    expect(made).toEqual({ calledOff: true });
    expect(sent).toEqual([]);
  });
});

describe('after a 401', () => {
  const unauthorized = (response: string) => ({
    classification: { kind: 'failed', failureClass: 'unauthorized', status: 401, response },
    ms: 0,
  });

  test('whose renewal fails, the attempt has failed, and says why', async () => {
    const { made, sent } = await attemptWith([answer(401, 'expired')], { renewed: AWAY });
    expect(made).toEqual(unauthorized('token service answered 503; the endpoint answered: expired'));
    expect(sent).toHaveLength(1);
  });

  test('while renewals are blocked, the attempt has failed', async () => {
    const { made } = await attemptWith([answer(401, 'expired')]);
    expect(made).toEqual(unauthorized('expired'));
  });

  test.each([
    ['the token request', [answer(401)], SHORT_TOKEN, SHORT_TOKEN.failure],
    ['the second request', [answer(401), SHORT], RENEWED, SHORT_WITHHELD.detail],
  ] as const)(
    'a shortage of this machine that %s meets counts no attempt',
    async (_, answers, renewed, detail) => {
      const { made } = await attemptWith(answers, { renewed });
      expect(made).toEqual({ ...SHORT_WITHHELD, detail });
    },
  );

  test('a renewed token that is good delivers', async () => {
    const { made, sent } = await attemptWith([answer(401), answer(200)], { renewed: RENEWED });
    expect(made).toEqual({ classification: { kind: 'delivered', status: 200 }, ms: 0 });
    expect(sent).toEqual(['Bearer one', 'Bearer two']);
  });
});

test('a shortage of this machine is no attempt, and is over in a second', async () => {
  expect((await attemptWith([SHORT])).made).toEqual(SHORT_WITHHELD);
});

test('a proxy that is away is no attempt; one that refuses the target is a failed one with its status', async () => {
  const detail = 'proxy p:1 answered 407';
  const away: AttemptResult = { kind: 'proxy_away', blame: 'credentials', status: 407, detail };
  const { made } = await attemptWith([away]);
  expect(made).toEqual({ withheld: 'proxy', blame: 'credentials', status: 407, detail, retryInMs: 0 });
  expect(countWithheld(made as never)).toMatchObject({
    classification: { failureClass: 'proxy', status: 407, response: detail },
  });
  const unsent: AttemptResult = { kind: 'unsent', failureClass: 'proxy', status: 403, detail };
  expect((await attemptWith([unsent])).made).toMatchObject({
    classification: { failureClass: 'proxy', status: 403, response: detail },
  });
});

describe('a request that may have arrived, and is sent again', () => {
  const RESENT = { repeats: ['resent'] } as const;
  const CALLED_OFF: AttemptResult = { kind: 'aborted', repeats: ['called_off'] };

  test.each<[string, AttemptResult, object]>([
    ['delivered', answer(200), { classification: { kind: 'delivered', status: 200 }, ms: 0 }],
    ['short of sockets', SHORT, SHORT_WITHHELD],
    ['called off', { kind: 'aborted' }, { calledOff: true }],
  ])('is told with what the attempt came to: %s', async (_what, result, made) => {
    expect((await attemptWith([result])).made).toEqual(made);
    expect((await attemptWith([{ ...result, ...RESENT }])).made).toEqual({ ...made, ...RESENT });
  });

  test('is told of both requests of an attempt; a 401 is an answer', async () => {
    const refused = { ...answer(401), ...RESENT };
    const { made } = await attemptWith([refused, CALLED_OFF], { renewed: RENEWED });
    expect(made).toEqual({ calledOff: true, repeats: ['resent', 'called_off'] });
    const good = await attemptWith([answer(401), answer(200)], { renewed: RENEWED });
    expect(good.made).not.toHaveProperty('repeats');
    const short = await attemptWith([refused], { renewed: SHORT_TOKEN });
    expect(short.made).toMatchObject({ withheld: 'local', ...RESENT });
  });
});

test.each(['token', 'proxy', 'local'] as const)(
  'an event withheld for too long has failed: class %s',
  (withheld) => {
    expect(countWithheld({ ...SHORT_WITHHELD, withheld })).toEqual({
      classification: { kind: 'failed', failureClass: withheld, status: 0, response: SHORT_WITHHELD.detail },
      ms: 0,
    });
  },
);

test('a token service that goes away: three events fail with 401, and no other one is sent until it is back', async () => {
  const service = await startTokenServer();
  const self = simulateProcess();
  const config: OAuth2Config = {
    type: 'oauth2',
    tokenUrl: service.url,
    clientId: 'waybill',
    clientSecret: 'a-secret',
    style: 'form',
  };
  let good = 'Bearer token-1';
  let requests = 0;
  const attempt = createAttempt({
    post: async ({ headers }) => {
      requests += 1;
      return answer(headers.includes(good) ? 200 : 401);
    },
    authorizer: self.authorizer(config),
    renewOn: [],
    timeoutMs: 1_000,
    userAgent: 'waybill/test',
    now: () => 0,
    monotonicNow: () => self.clock.now,
  });
  const make = (n: number) => attempt(storedEvent(n), URL, new CallOff());
  try {
    expect(await make(0)).toMatchObject({ classification: { kind: 'delivered' } });
    good = 'Bearer token-3';
    service.reply = () => ({ status: 503, body: '', headers: { 'retry-after': '2' } });
    for (let n = 1; n <= 3; n += 1) {
      expect(await make(n)).toMatchObject({ classification: { failureClass: 'unauthorized', status: 401 } });
    }
    const withheld = { withheld: 'token', blame: 'service', retryInMs: 5_000 };
    for (let n = 4; n < 300; n += 1) expect(await make(n)).toMatchObject(withheld);
    expect(requests).toBe(4);
    expect(service.seen).toHaveLength(2);

    service.reply = (n) => tokenReply(n);
    await self.pass(5_000);
    for (let n = 4; n < 300; n += 1) expect(await make(n)).toMatchObject({ classification: { status: 200 } });
    expect(service.seen).toHaveLength(3);
  } finally {
    await self.close();
    await service.close();
  }
});
