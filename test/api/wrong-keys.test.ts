import { expect, test } from 'vitest';
import { WrongKeys } from '../../src/api/wrong-keys.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { startTestApi } from './api-fixture.ts';

failOnLeaks();

test('the sixth wrong key of an address within a minute waits 100 ms, the next twice as long, up to 2 s', () => {
  const keys = new WrongKeys();
  const waits = Array.from({ length: 13 }, (_, n) => keys.count('10.0.0.1', n));
  expect(waits).toEqual([0, 0, 0, 0, 0, 100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000]);
  expect(keys.count('10.0.0.2', 13)).toBe(0);
  // 11 times are kept: those of 60 s ago count no longer.
  expect(keys.count('10.0.0.1', 60_007)).toBe(100);
  expect(keys.count('10.0.0.1', 120_100)).toBe(0);
});

test('wrong keys that come slowly never wait', () => {
  const keys = new WrongKeys();
  const waits = Array.from({ length: 100 }, (_, n) => keys.count('10.0.0.1', n * 12_000));
  expect(new Set(waits)).toEqual(new Set([0]));
});

test('1,000 addresses are kept, and the one that was quiet longest goes; 200 answers wait at once', () => {
  const keys = new WrongKeys();
  for (let n = 0; n < 6; n++) keys.count('busy', n);
  for (let n = 0; n < 5_000; n++) {
    keys.count(`address ${n}`, 10);
    if (n % 500 === 0) keys.count('busy', 10);
  }
  expect(keys.addresses).toBe(1_000);
  expect(keys.count('busy', 11)).toBe(2_000);
  const begun = Array.from({ length: 201 }, () => keys.begin());
  expect(begun.filter((may) => may)).toHaveLength(200);
  keys.end();
  expect(keys.begin()).toBe(true);
});

test('wrong keys are answered more and more slowly, and right ones at once beside them', async () => {
  const { call, keys } = await startTestApi();
  const key = `${keys.all}x`;
  for (let n = 0; n < 10; n++) expect((await call('GET', '/v1/key', { key: null })).status).toBe(401);
  const begun = performance.now();
  for (let n = 0; n < 8; n++) expect((await call('GET', '/v1/key', { key })).status).toBe(401);
  expect(performance.now() - begun).toBeGreaterThanOrEqual(690);
  const order: string[] = [];
  const slow = call('GET', '/v1/key', { key }).then(({ status }) => order.push(`wrong ${status}`));
  await call('GET', '/v1/key').then(({ status }) => order.push(`right ${status}`));
  await slow;
  expect(order).toEqual(['right 200', 'wrong 401']);
});

test('a key is told what it may do', async () => {
  const { api, call, keys, name, configWith } = await startTestApi();
  const { body } = await call('GET', '/v1/key', { key: keys.read });
  expect(body).toMatchObject({ name: 'read', scopes: ['read'], clients: null, keepDays: null });
  expect(Math.abs(Date.parse(body.now) - Date.now())).toBeLessThan(60_000);
  expect((await call('GET', '/v1/key', { key: keys.submit })).status).toBe(403);
  const config = configWith({ deadLetters: { keepDays: 30 } });
  const bound = config.http?.keys.map((key) => ({ ...key, clients: [name, 'nobody'] })) ?? [];
  const { http } = config;
  if (http === undefined) throw new Error('no http');
  await api.reload({ ...config, http: { ...http, keys: bound } });
  expect((await call('GET', '/v1/key')).body).toMatchObject({
    ...{ name: 'all', scopes: ['submit', 'operate'], clients: [name], keepDays: 30 },
  });
});
