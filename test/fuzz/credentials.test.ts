import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createStaticAuthorizer,
  type StaticAuthConfig as StaticAuth,
} from '../../src/auth/static-authorizer.ts';
import { ConfigError } from '../../src/config/config-error.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import { FILE } from '../support/config-problems.ts';
import { runs, TIMEOUT_MS } from './support/fuzz-runs.ts';

function isConfigured(auth: StaticAuth): boolean {
  const acme = { baseUrl: 'https://acme.example', endpoints: { disposition_update: '/d' }, auth };
  // A literal ${ is written as $${; with the variables of the environment this has nothing to do.
  const text = JSON.stringify({ clients: { acme } }).replaceAll('${', '$${');
  try {
    const config = parseConfig(text, FILE, {});
    expect(config.clients.acme?.auth).toEqual(auth);
    return true;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

function isAuthorizable(auth: StaticAuth): boolean {
  try {
    createStaticAuthorizer(auth);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'AUTH_CONFIG_INVALID' });
    return false;
  }
}

const byte = fc.integer({ min: 0, max: 0x17f }).map((code) => String.fromCharCode(code));
const plain = fc.constantFrom(...'aZ09~!-_. \t:;=/\u00a0\u0085\u2028\ud800'.split(''));
const text = fc.string({ unit: fc.oneof({ weight: 6, arbitrary: plain }, byte), maxLength: 6 });
const header = fc.oneof(
  text.map((name) => `x-${name}`),
  fc.constantFrom('X-Api-Key', 'Authorization', 'Host', 'TE', 'idempotency-key', 'Cookie', ''),
);
const auth: fc.Arbitrary<StaticAuth> = fc.oneof(
  fc.record({ type: fc.constant('bearer' as const), token: text }),
  fc.record({ type: fc.constant('api_key' as const), header, key: text }),
  fc.record({ type: fc.constant('basic' as const), username: text, password: text }),
);

test('the configuration takes exactly the credentials that the authorizer takes', {
  timeout: TIMEOUT_MS,
}, () => {
  const seen = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(auth, (credentials) => {
      const isTaken = isConfigured(credentials);
      seen[isTaken ? 'taken' : 'refused'] += 1;
      expect(isTaken).toBe(isAuthorizable(credentials));
    }),
    runs(5_000),
  );
  expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(500);
});
