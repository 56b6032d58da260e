import { describe, expect, test } from 'vitest';
import { requestToken } from '../../src/auth/request-token.ts';
import type { OAuth2Config } from '../../src/config/client-config.ts';
import type { Script } from '../../src/sandbox/scripts.ts';
import { createUndiciPost } from '../auth/support/undici-post.ts';
import { check } from '../support/check.ts';
import { testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { type ChangeAnswer, startMockTokenService } from '../support/mock-token-service.ts';
import { bearerToken, startOidcProvider } from '../support/oidc-provider.ts';
import { testRedisPath } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';

failOnLeaks();

/** An engine that delivers to a company with tokens of somebody else's service; events are numbered from 0. */
async function deliverWith(auth: OAuth2Config, script: Script) {
  const company = await testSandbox().company('acme', { script });
  const settings = company.clientSettings({ auth, retry: { retries: 0 }, pace: { holdMs: 0 } });
  const engine = await testEngine({ acme: settings });
  const client = engine.client();
  let sent = 0;
  return {
    company,
    client,
    log: engine.log,
    async deliver(count: number): Promise<void> {
      await client.submit(numberedEvents('disposition_update', count, sent));
      sent += count;
      await client.settled({ delivered: sent });
    },
    /** The tokens that requests have carried, each once. */
    tokens: () => [...new Set(company.requests.map(({ headers }) => bearerToken(headers)))],
  };
}

/** What `waybill check` says of clients with these credentials, by client, less the finding on their hosts. */
async function checkAll(auths: Readonly<Record<string, OAuth2Config>>) {
  const clients = Object.entries(auths).map(([name, auth]) => {
    const { origin } = new URL(auth.tokenUrl);
    return [
      name,
      { baseUrl: origin, endpoints: { disposition_update: '/d' }, allowPrivateNetwork: true, auth },
    ];
  });
  const { lines } = await check({
    config: { redis: { url: testRedisPath() }, clients: Object.fromEntries(clients) },
  });
  return lines.filter(
    (line) => line.includes(' clients.') && !/ is at 127\.0\.0\.1$|: connected in /.test(line),
  );
}

const ADVICE = 'the token service refuses the credentials: check clientId, clientSecret and style';
const WRONG_SECRET = 'answered 401: invalid_client, client authentication failed';
const FORMS_ONLY =
  'answered 400: invalid_request, only application/x-www-form-urlencoded content-type bodies are supported on POST /token';

describe('oidc-provider', () => {
  test.each([
    ['client_secret_basic', 'basic', /^Basic /],
    ['client_secret_post', 'form', /^$/],
  ] as const)('%s: a token in style %s, renewed once after its revocation', async (method, style, header) => {
    const oidc = await startOidcProvider({ method });
    const { company, client, deliver, tokens } = await deliverWith(oidc.auth({ style }), oidc.endpoint);
    await deliver(20);
    const [token = ''] = tokens();
    expect([...company.tally.byAnswer]).toEqual([['200', 20]]);
    expect(oidc.tokenRequests).toHaveLength(1);
    expect(oidc.tokenRequests[0]?.authorization ?? '').toMatch(header);

    await oidc.revoke(token);
    await deliver(50);
    expect(oidc.tokenRequests).toHaveLength(2);
    expect(tokens()).toHaveLength(2);
    expect(company.tally.byAnswer.get('200')).toBe(70);
    expect(await client.status()).toMatchObject({ delivered: 70, dead: 0, failedAttempts: {} });
  });

  test('a token that has expired is renewed once', async () => {
    const oidc = await startOidcProvider({ firstLifetimeS: 1 });
    const { company, client, deliver, tokens } = await deliverWith(oidc.auth(), oidc.endpoint);
    await deliver(1);
    const [token = ''] = tokens();
    await until(async () => !(await oidc.isActive(token)));
    await deliver(20);
    expect(oidc.tokenRequests).toHaveLength(2);
    expect(tokens()).toHaveLength(2);
    expect(company.tally.byAnswer.get('200')).toBe(21);
    expect(await client.status()).toMatchObject({ delivered: 21, dead: 0, failedAttempts: {} });
  });

  test.each([
    ['a wrong secret in style form', { clientSecret: 'marked-secret' }, WRONG_SECRET],
    ['a wrong secret in style basic', { clientSecret: 'marked-secret', style: 'basic' }, WRONG_SECRET],
    ['style json', { style: 'json' }, FORMS_ONLY],
  ] as const)('%s: refused in the words of the service, and no secret is told', async (_, changes, words) => {
    const oidc = await startOidcProvider();
    const auth = oidc.auth(changes);
    const { company, client, log } = await deliverWith(auth, oidc.endpoint);
    await client.submit(numberedEvents('disposition_update', 3));
    await client.settled({ dead: 3 });
    const letters = await client.deadLetters();
    const [blocked] = log.matching('token renewal blocked');
    expect(blocked?.failure).toBe(`token service ${oidc.tokenUrl} ${words}; ${ADVICE}`);
    expect(blocked?.blame).toBe('credentials');
    expect(letters.map(({ history }) => history?.[0]?.[2])).toEqual(['token', 'token', 'token']);
    expect(oidc.tokenRequests).toHaveLength(1);
    expect(company.tally.received).toBe(0);
    expect(JSON.stringify([log.lines, letters])).not.toContain(
      JSON.stringify(auth.clientSecret).slice(1, -1),
    );
  });

  test('check names the style that works, and says how long a token lives', async () => {
    const any = await startOidcProvider();
    const basicOnly = await startOidcProvider({ onlyMethod: 'client_secret_basic' });
    const anyService = `token service ${any.tokenUrl}`;
    const basicService = `token service ${basicOnly.tokenUrl}`;
    const lines = await checkAll({
      right: any.auth(),
      json: any.auth({ style: 'json' }),
      form: basicOnly.auth({ style: 'form' }),
      basic: basicOnly.auth({ style: 'basic' }),
      secret: any.auth({ clientSecret: 'marked-secret' }),
      both: any.auth({ clientSecret: 'marked-secret', style: 'json' }),
      path: any.auth({ tokenUrl: `${any.url}/oauth/token` }),
    });
    expect(lines).toEqual([
      `ok clients.right: ${anyService} issued a token for 600 s`,
      `error clients.json: ${anyService} ${FORMS_ONLY}`,
      `note clients.json: ${anyService} issued a token in style form, not in style json: set auth.style to form`,
      `error clients.form: ${basicService} ${WRONG_SECRET}`,
      `note clients.form: ${basicService} issued a token in style basic, not in style form: set auth.style to basic`,
      `ok clients.basic: ${basicService} issued a token for 600 s`,
      `error clients.secret: ${anyService} ${WRONG_SECRET}`,
      `note clients.secret: ${anyService} issued no token in style basic or json either`,
      `error clients.both: ${anyService} ${FORMS_ONLY}`,
      `note clients.both: ${anyService} issued no token in style form or basic either`,
      `note clients.both: in style form, ${anyService} ${WRONG_SECRET}`,
      `note clients.both: in style basic, ${anyService} ${WRONG_SECRET}`,
      `error clients.path: token service ${any.url}/oauth/token answered 404`,
      'note clients.path: a 404 mostly means that nothing takes requests for a token there: check auth.tokenUrl',
    ]);
  });
});

const busy: ChangeAnswer = (answer, response) => {
  answer.statusCode = 503;
  answer.body = { error: 'temporarily_unavailable' };
  response.setHeader('Retry-After', '30');
};
const ofTypeJwt: ChangeAnswer = ({ body }) => {
  if (body !== '') body.token_type = 'JWT';
};
const withEmptyError: ChangeAnswer = ({ body }) => {
  if (body !== '') body.error = '';
};

describe('oauth2-mock-server', () => {
  test.each([
    ['its own answer', undefined],
    ['an answer of token_type JWT', ofTypeJwt],
    ['an answer with an empty error', withEmptyError],
  ])('%s: the token is used, and renewed once after the endpoint has revoked it', async (_, change) => {
    const service = await startMockTokenService(change);
    const { company, client, deliver, tokens } = await deliverWith(service.auth, ({ headers }) =>
      bearerToken(headers) === service.issued.at(-1) ? 200 : 401,
    );
    await deliver(20);
    expect(tokens()).toEqual(service.issued);
    expect(service.answers).toBe(1);

    const revoked = tokens()[0];
    company.script(({ headers }) => (bearerToken(headers) === revoked ? 401 : 200));
    await deliver(50);
    expect(tokens()).toEqual(service.issued);
    expect(service.answers).toBe(2);
    expect(company.tally.byAnswer.get('200')).toBe(70);
    expect(await client.status()).toMatchObject({ delivered: 70, dead: 0, failedAttempts: {} });
  });

  test('503 with Retry-After: asked once, and the wait is handed out', async () => {
    const service = await startMockTokenService(busy);
    const sender = createUndiciPost();
    const result = await requestToken(service.auth, { post: sender.post, timeoutMs: 60_000 });
    await sender.close();
    expect(result).toEqual({
      failure: `token service ${service.tokenUrl} answered 503: temporarily_unavailable`,
      blame: 'service',
      status: 503,
      error: 'temporarily_unavailable',
      retryAfterMs: 30_000,
    });
    expect(service.answers).toBe(1);
  });

  test('check tells a redirect, a busy service and an unusual answer apart', async () => {
    const elsewhere = await testSandbox().company('elsewhere');
    const redirecting = await startMockTokenService((answer, response) => {
      answer.statusCode = 307;
      answer.body = '';
      response.setHeader('Location', `${elsewhere.baseUrl}/token?code=marked`);
    });
    const busyOne = await startMockTokenService(busy);
    const jwt = await startMockTokenService(ofTypeJwt);
    const emptyError = await startMockTokenService(withEmptyError);
    const lines = await checkAll({
      redirect: redirecting.auth,
      busy: busyOne.auth,
      jwt: jwt.auth,
      error: emptyError.auth,
    });
    expect(lines).toEqual([
      `error clients.redirect: token service ${redirecting.tokenUrl} answered 307, a redirect to ${elsewhere.baseUrl}/token: redirects are not followed`,
      `error clients.busy: token service ${busyOne.tokenUrl} answered 503: temporarily_unavailable`,
      `note clients.busy: token service ${busyOne.tokenUrl} wants no request for 30 s (Retry-After)`,
      `ok clients.jwt: token service ${jwt.tokenUrl} issued a token for 3600 s`,
      `note clients.jwt: token service ${jwt.tokenUrl} issued a token of token_type "JWT", used as Bearer`,
      `ok clients.error: token service ${emptyError.tokenUrl} issued a token for 3600 s`,
    ]);
    expect(elsewhere.tally.received).toBe(0);
    expect([redirecting, busyOne, jwt, emptyError].map(({ answers }) => answers)).toEqual([1, 1, 1, 1]);
  });
});
