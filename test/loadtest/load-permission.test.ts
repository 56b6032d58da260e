import { describe, expect, test } from 'vitest';
import { configTemplate } from '../../src/config/config-template.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import { findPermission } from '../../src/loadtest/load-permission.ts';
import { clientProblems, FILE } from '../support/config-problems.ts';

/** What is permitted to a client of these settings, which are YAML in flow style. */
function permissionOf(settings: string, env: Readonly<Record<string, string>> = {}) {
  const { clients } = parseConfig(
    `clients: { acme: { endpoints: { disposition_update: /d }, ${settings} } }`,
    FILE,
    env,
  );
  if (clients.acme === undefined) throw new Error('no client acme');
  return findPermission(clients.acme);
}

const PUBLIC = 'baseUrl: https://returns.acme.example';

describe('a load test', () => {
  test('is refused unless it is allowed, with how to allow it', () => {
    const how = 'To allow it, set loadtest: { allowed: true, maxRatePerSecond: 200, maxRequests: 100000 }';
    for (const settings of [
      PUBLIC,
      `${PUBLIC}, loadtest: { maxRequests: 5 }`,
      `${PUBLIC}, allowPrivateNetwork: true`,
    ]) {
      expect(permissionOf(settings)).toEqual({
        ok: false,
        problems: [`client "acme" may not be load-tested: its configuration does not allow it. ${how}`],
      });
    }
    const denied = permissionOf(
      'baseUrl: http://127.0.0.1:1, allowPrivateNetwork: true, loadtest: { allowed: false }',
    );
    expect(denied).toMatchObject({ problems: [expect.stringContaining('says so. To allow it')] });
  });

  test('is bounded by the configuration, or by 50/s and 100,000 requests without a setting', () => {
    expect(permissionOf(`${PUBLIC}, loadtest: { allowed: true }`)).toEqual({
      ok: true,
      value: { maxRatePerSecond: 50, maxRequests: 100_000 },
    });
    expect(
      permissionOf(`${PUBLIC}, loadtest: { allowed: true, maxRatePerSecond: 200, maxRequests: 7 }`),
    ).toEqual({
      ok: true,
      value: { maxRatePerSecond: 200, maxRequests: 7 },
    });
  });

  test.each(['127.0.0.1', '127.1', 'localhost', '[::1]'])(
    'is permitted without a setting on loopback: %s',
    (host) => {
      const settings = `baseUrl: "http://${host}:8080"`;
      expect(permissionOf(`${settings}, allowPrivateNetwork: true`)).toMatchObject({
        value: { maxRatePerSecond: Number.POSITIVE_INFINITY, maxRequests: 100_000 },
      });
      expect(permissionOf(settings).ok).toBe(false);
      const bounded = permissionOf(
        `${settings}, allowPrivateNetwork: true, loadtest: { maxRatePerSecond: 9 }`,
      );
      expect(bounded).toMatchObject({ value: { maxRatePerSecond: 9 } });
    },
  );

  test.each(['10.0.0.1', '127.0.0.1.acme.example'])('is not permitted without a setting on %s', (host) => {
    expect(permissionOf(`baseUrl: "http://${host}", allowPrivateNetwork: true`).ok).toBe(false);
  });

  test('is not permitted without a setting on the loopback of a proxy, which is another machine', () => {
    const own = 'baseUrl: http://127.0.0.1:8080, allowPrivateNetwork: true';
    expect(permissionOf(`${own}, proxy: "http://proxy.internal:3128"`).ok).toBe(false);
    const env = { HTTP_PROXY: 'http://proxy.internal:3128', NO_PROXY: '127.0.0.1' };
    expect(permissionOf(`${own}, proxy: environment`, env).ok).toBe(true);
    expect(permissionOf(`${own}, proxy: environment`, { ...env, NO_PROXY: 'localhost' }).ok).toBe(false);
    const allowed = permissionOf(`${own}, proxy: "http://proxy.internal:3128", loadtest: { allowed: true }`);
    expect(allowed).toMatchObject({ value: { maxRatePerSecond: 50 } });
  });

  test('is not permitted without a setting if one endpoint is elsewhere', () => {
    const elsewhere = 'inventory_receipt: https://returns.acme.example/r';
    const endpoints = `endpoints: { disposition_update: /d, ${elsewhere} }`;
    const text = `clients: { acme: { baseUrl: "http://127.0.0.1", allowPrivateNetwork: true, ${endpoints} } }`;
    const { acme } = parseConfig(text, FILE, {}).clients;
    expect(acme === undefined || findPermission(acme).ok).toBe(false);
  });
});

test('settings of load tests are checked, and shown in what init writes', () => {
  expect(clientProblems('loadtest: { alowed: true, maxRatePerSecond: 0, maxRequests: 1.5 }')).toEqual([
    'loadtest.maxRatePerSecond must be at least 0.001, found 0',
    'loadtest.maxRequests must be a whole number, found 1.5',
    'loadtest.alowed is not a known setting: did you mean "allowed"?',
  ]);
  const shown = configTemplate().replace(/^( +)# (loadtest:| {2}(?:allowed|max\w+):)/gm, '$1$2');
  const { clients } = parseConfig(shown, FILE, { ACME_CLIENT_SECRET: 'secret' });
  expect(clients.acme?.loadtest).toEqual({ allowed: true, maxRatePerSecond: 200, maxRequests: 100_000 });
});
