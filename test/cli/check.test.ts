import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { commitBatches } from '../../src/queue/admit.ts';
import type { Company } from '../../src/sandbox/company.ts';
import type { Script } from '../../src/sandbox/scripts.ts';
import { addLetters, letter } from '../api/dead-letters.ts';
import { check } from '../support/check.ts';
import { startOwnRedis } from '../support/own-redis.ts';
import { startProxy } from '../support/proxies.ts';
import { always } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { runWaybill, testDirectory } from '../support/waybill-process.ts';

const TWO_ENDPOINTS = { disposition_update: '/dispositions', inventory_receipt: '/inventory_receipt' };

const SAFE = { appendonly: 'yes', appendfsync: 'always' };

/** A client that is well, with one endpoint. */
async function plainClient() {
  const company = await testSandbox().company('acme');
  return company.clientSettings({ endpoints: { disposition_update: '/d' } });
}

function oauthCompany(name = 'acme'): Promise<Company> {
  return testSandbox().company(name, { auth: { type: 'oauth2' } });
}

test('a sound configuration: exit code 0, a token issued, and no endpoint called', async () => {
  const company = await oauthCompany();
  const server = await startOwnRedis(SAFE);
  const config = {
    redis: { url: server.socketPath },
    clients: { acme: company.clientSettings({ endpoints: TWO_ENDPOINTS }) },
  };
  const { code, ok, lines, bad } = await check({ config });
  expect({ code, ok, bad }).toEqual({ code: 0, ok: true, bad: [] });
  expect(lines).toEqual([
    expect.stringMatching(/^ok configuration: .*waybill\.yaml is valid: 1 client$/),
    expect.stringMatching(/^ok redis: Redis \d\S* at .*redis\.sock answers, and its settings keep events$/),
    'note redis: no service is running: nothing is delivered until "waybill start"',
    expect.stringMatching(/^note redis: tokens stand there as they are, .*WAYBILL_SECRET_KEY/),
    'ok clients.acme: the endpoint for disposition_update, inventory_receipt is at 127.0.0.1',
    expect.stringMatching(/^ok clients\.acme: the endpoint for .*: connected in [\d.]+ ms$/),
    'ok clients.acme: the token service is at 127.0.0.1',
    expect.stringMatching(
      /^ok clients\.acme: token service http:\/\/127.0.0.1:\d+\/oauth\/token issued a token/,
    ),
  ]);
  expect(company.tally.received).toBe(0);
  expect(company.tokenTally.received).toBe(1);
});

test('for people the findings are grouped, and added up in the last line', async () => {
  const company = await oauthCompany();
  const server = await startOwnRedis({ 'maxmemory-policy': 'allkeys-lru' });
  const config = { redis: { url: server.socketPath }, clients: { acme: company.clientSettings() } };
  const { code, stdout } = await runWaybill(['check'], { config });
  expect(code).toBe(3);
  expect(stdout).toMatch(
    /^Configuration\n {2}ok {7}.*\nRedis\n(.*\n)*Client acme\n(.*\n)*\n1 error, 1 warning\n$/,
  );
  expect(stdout).toContain('  error    maxmemory-policy is allkeys-lru and must be noeviction');
  expect(stdout).toContain('  warning  appendonly is no and should be yes');
});

test('a token service of the client’s own making is asked as well, and what it says is told without secrets', async () => {
  const login: Script = ({ method, headers, path }) =>
    path === '/broken'
      ? { status: 403, body: JSON.stringify({ message: `unknown key ${headers['x-key']}` }) }
      : { status: 200, body: JSON.stringify({ token: `for ${method}`.replace(' ', '-'), ttl: '90' }) };
  const company = await testSandbox().company('acme', { script: login });
  const server = await startOwnRedis(SAFE);
  const auth = (path: string, tokenPointer: string) => ({
    type: 'token_service' as const,
    url: `${company.baseUrl}${path}`,
    method: 'GET' as const,
    headers: { 'X-Key': 'marked-key' },
    tokenPointer,
    expiresInPointer: '/ttl',
  });
  const clients = {
    acme: company.clientSettings({ auth: auth('/login', '/token') }),
    broken: company.clientSettings({ auth: auth('/broken', '/token') }),
    lost: company.clientSettings({ auth: auth('/login', '/data/token') }),
  };
  const { code, lines, bad } = await check({ config: { redis: { url: server.socketPath }, clients } });
  expect(code).toBe(3);
  expect(lines).toContain(`ok clients.acme: token service ${company.baseUrl}/login issued a token for 90 s`);
  expect(bad).toEqual([
    `error clients.broken: token service ${company.baseUrl}/broken answered 403: unknown key ***`,
    `error clients.lost: token service ${company.baseUrl}/login answered 200, but the text at /data/token is missing`,
  ]);
  expect(company.requests.every(({ method, body }) => method === 'GET' && body === '')).toBe(true);
});

test('a configuration that is not valid: every problem, exit code 2', async () => {
  const config = {
    clients: { acme: { baseUrl: 'ftp://x', endpoints: { disposition_update: '/d' }, retrys: 5 } },
  };
  const { code, ok, lines } = await check({ config });
  expect({ code, ok }).toEqual({ code: 2, ok: false });
  expect(lines).toEqual([
    expect.stringMatching(/^error configuration: .* line \d+: \$\.clients\.acme\.baseUrl must be an http/),
    expect.stringMatching(
      /^error configuration: .* line \d+: \$\.clients\.acme\.retrys is not a known setting/,
    ),
  ]);
  const people = await runWaybill(['check'], { config });
  expect(people).toMatchObject({ code: 2, stdout: expect.stringMatching(/\n2 errors, 0 warnings\n$/) });
  const missing = await runWaybill(['check', '--json', '--config', 'nowhere.yaml']);
  expect(missing.code).toBe(2);
  expect(missing.stdout).toContain('does not exist');
});

test('a Redis that is away: exit code 4, and the clients are checked all the same', async () => {
  const company = await oauthCompany();
  const config = { redis: { url: '/nowhere/redis.sock' }, clients: { acme: company.clientSettings() } };
  const { code, bad, lines } = await check({ config });
  expect(code).toBe(4);
  expect(bad).toEqual([expect.stringMatching(/^error redis: Redis cannot be reached: .*ENOENT/)]);
  expect(lines.join('\n')).toContain('issued a token');
});

test('clients that cannot be reached are each said, with the reason', async () => {
  const sandbox = testSandbox();
  const refusing = await sandbox.company('refusing', { auth: { type: 'oauth2' }, tokenScript: always(401) });
  const gone = await sandbox.company('gone', { auth: { type: 'oauth2' } });
  await gone.down();
  const server = await startOwnRedis(SAFE);
  const endpoints = { disposition_update: '/d' };
  const config = {
    redis: { url: server.socketPath },
    clients: {
      refusing: refusing.clientSettings(),
      gone: gone.clientSettings(),
      private: { baseUrl: 'https://localhost:9', endpoints },
      literal: { baseUrl: 'https://[::1]:9', endpoints },
      nowhere: { baseUrl: 'https://nowhere.invalid', endpoints },
    },
  };
  const { code, ok, bad } = await check({ config });
  expect({ code, ok }).toEqual({ code: 3, ok: false });
  expect(bad).toEqual([
    expect.stringMatching(/^error clients\.refusing: token service http:.* answered 401/),
    expect.stringMatching(/^error clients\.gone: the endpoint for .*: no connection to .*ECONNREFUSED/),
    expect.stringMatching(/^error clients\.gone: token service http:.* did not answer: .*\(3 tries\)$/),
    expect.stringMatching(
      /^error clients\.private: .*localhost resolves to .* loopback .* allowPrivateNetwork/,
    ),
    expect.stringMatching(/^error clients\.literal: .*::1 is a loopback address .*allowPrivateNetwork/),
    expect.stringMatching(/^error clients\.nowhere: .*nowhere\.invalid does not resolve \(E/),
  ]);
});

test('events that will not be delivered are named', async () => {
  const server = await startOwnRedis(SAFE);
  const redis = server.connect();
  await new Promise((resolve) => redis.once('ready', resolve));
  const event = (id: string, type: string) => ({ id, type, unit: 'LP1', body: '{}' });
  const update = event('e1', 'disposition_update');
  const receipt = event('e2', 'inventory_receipt');
  const commit = (client: string, id: string, one: ReturnType<typeof event>) =>
    commitBatches(redis, { client, type: one.type }, [{ id, events: [one] }], 0);
  await commit('oldco', 'b1', update);
  await commit('oldco', 'b2', receipt);
  await commit('acme', 'b3', update);
  await commit('acme', 'b4', receipt);
  await commit('acme', 'b5', receipt);
  await redis.zadd('{wb:acme}:deliveries:disposition_update:failed', 1, 'b6');
  await redis.hset('{wb:acme}:deliveries:disposition_update:b6', 'failedReason', 'x is not a function');
  await addLetters(redis, 'oldco', [letter(1, 422)]);
  await commit('idle', 'b7', update);
  await redis.del('{wb:idle}:deliveries:disposition_update:wait');

  const acme = await plainClient();
  const { code, bad } = await check({ config: { redis: { url: server.socketPath }, clients: { acme } } });
  expect(code).toBe(3);
  expect(bad).toEqual([
    expect.stringMatching(
      /^warning redis: client "oldco" is not in .* and has 2 events to deliver and 1 dead letter: they wait/,
    ),
    'warning clients.acme: 2 events of type inventory_receipt wait, and there is no endpoint for it',
    "error clients.acme: 1 job failed by a fault of Waybill's own, kept and not delivered: b6 (x is not a function)",
  ]);
});

test('a service that runs is seen', async () => {
  const server = await startOwnRedis(SAFE);
  for (let worker = 1; worker <= 2; worker += 1) {
    const connection = new Redis(server.socketPath, { connectionName: 'waybill-worker' });
    onTestFinished(() => connection.disconnect());
    await connection.ping();
  }
  const acme = await plainClient();
  const { lines } = await check({ config: { redis: { url: server.socketPath }, clients: { acme } } });
  expect(lines).toContain('ok redis: a service is running, with 2 worker processes');
});

test('the embedded Redis is not started for it', async () => {
  const acme = await plainClient();
  const { code, lines } = await check({ config: { clients: { acme } } });
  expect(code).toBe(0);
  expect(lines[1]).toMatch(
    /^ok redis: the embedded Redis does not run; .*redis-server \d+\.\d+\.\d+ is installed/,
  );
});

test('without redis-server there is no embedded Redis, and that is an error', async () => {
  const acme = await plainClient();
  const { code, lines } = await check({ config: { clients: { acme } }, env: { PATH: '/nowhere' } });
  expect(code).toBe(3);
  expect(lines[1]).toMatch(/^error redis: no redis\.url is configured, and redis-server .* is not installed/);
});

test('a redis-server that is too old is an error', async () => {
  const directory = testDirectory();
  const script = '#!/bin/sh\necho "Redis server v=6.0.16 sha=00000000:0"\n';
  writeFileSync(join(directory, 'redis-server'), script, { mode: 0o755 });
  const acme = await plainClient();
  const { code, lines } = await check({ config: { clients: { acme } }, env: { PATH: directory } });
  expect(code).toBe(3);
  expect(lines[1]).toContain('redis-server is 6.0.16, and 6.2 or later is needed');
});

test('tokens are encrypted where there is a key for it, and a key that is too short is a problem', async () => {
  const company = await oauthCompany();
  const server = await startOwnRedis(SAFE);
  const config = { redis: { url: server.socketPath }, clients: { acme: company.clientSettings() } };
  const withKey = await check({ config, env: { WAYBILL_SECRET_KEY: 'sixteen letters.' } });
  expect(withKey.lines).toContain('ok redis: tokens are encrypted there: WAYBILL_SECRET_KEY is set');
  const tooShort = await check({ config, env: { WAYBILL_SECRET_KEY: 'marked' } });
  expect(tooShort.code).toBe(2);
  expect(tooShort.lines).toEqual([
    expect.stringMatching(
      /^error configuration: .*WAYBILL_SECRET_KEY must have at least 16 characters, found 6$/,
    ),
  ]);
});

test('quotes and blanks around a credential are warnings that name the setting and not the value', async () => {
  const company = await oauthCompany();
  const server = await startOwnRedis(SAFE);
  const settings = company.clientSettings();
  const oauth2 = { ...settings.auth, clientId: ' marked', clientSecret: '${SECRET}' };
  const basic = { type: 'basic' as const, username: 'u', password: "'marked'" };
  const clients = { oauth2: { ...settings, auth: oauth2 }, basic: { ...settings, auth: basic } };
  const config = { redis: { url: server.socketPath }, clients };
  const { bad, lines } = await check({ config, env: { SECRET: '"marked"' } });
  const quotes =
    'begins and ends with a quote, and both are sent: remove them unless they are meant (docker --env-file keeps quotes)';
  const blanks = 'begins or ends with a blank, and the blank is sent: remove it unless it is meant';
  expect(bad.filter((line) => line.startsWith('warning'))).toEqual([
    `warning clients.oauth2: auth.clientId ${blanks}`,
    `warning clients.oauth2: auth.clientSecret ${quotes}`,
    `warning clients.basic: auth.password ${quotes}`,
  ]);
  expect(lines.join('\n')).not.toContain('marked');
});

test('a token service is waited for as long as auth.timeoutMs says, else as the client’s timeoutMs', async () => {
  const company = await testSandbox().company('acme', {
    auth: { type: 'oauth2' },
    tokenScript: { delayMs: 2_500 },
  });
  const settings = company.clientSettings();
  const waits = (timeoutMs: number, ofAuth?: number) => ({
    ...settings,
    timeoutMs,
    auth: { ...settings.auth, ...(ofAuth && { timeoutMs: ofAuth }) },
  });
  const clients = { patient: waits(1_000, 30_000), same: waits(30_000), hasty: waits(30_000, 300) };
  const { lines } = await check({ config: JSON.stringify({ clients }) });
  const service = `token service ${company.tokenUrl}`;
  expect(lines).toContain(`ok clients.patient: ${service} issued a token for 3600 s`);
  expect(lines).toContain(`ok clients.same: ${service} issued a token for 3600 s`);
  expect(lines).toContain(`error clients.hasty: ${service} did not answer within 300 ms`);
});

test('what is reached through a proxy is said, and a name that does not resolve here is no error then', async () => {
  const company = await oauthCompany();
  // It knows a name that does not resolve here.
  const proxy = await startProxy(({ target }) =>
    target === 'returns.acme.invalid:80' ? 'HTTP/1.1 200 OK\r\n\r\n' : 'connect',
  );
  const at = `127.0.0.1:${proxy.port}`;
  const server = await startOwnRedis(SAFE);
  const clients = {
    acme: company.clientSettings({
      endpoints: { disposition_update: 'http://returns.acme.invalid/d' },
      proxy: `http://waybill:marked-password@${at}`,
    }),
    direct: company.clientSettings({ proxy: 'environment' }),
  };
  const env = { HTTP_PROXY: `http://${at}`, NO_PROXY: '127.0.0.0/8' };
  const { code, lines, bad } = await check({
    config: { redis: { url: server.socketPath }, clients },
    env,
  });
  expect({ code, bad }).toEqual({ code: 0, bad: [] });
  expect(lines).toContain(
    `ok clients.acme: the endpoint for disposition_update is reached through proxy ${at}`,
  );
  expect(lines).toContain(`ok clients.acme: the token service is reached through proxy ${at}`);
  expect(lines).toContainEqual(
    expect.stringMatching(
      /^note clients.acme: .*: returns.acme.invalid does not resolve here .*: proxy .* is given the name$/,
    ),
  );
  expect(lines).toContain(
    'note clients.direct: the token service is reached directly: the environment names no proxy for it',
  );
  const targets = ['returns.acme.invalid:80', new URL(company.baseUrl).host];
  expect(proxy.connects.map(({ target }) => target)).toEqual(targets);
  expect(lines.join()).not.toContain('marked-password');
});
