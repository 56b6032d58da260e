import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { clientConfigSchema } from '../../src/config/client-config.ts';
import { WaitTimeoutError } from '../../src/sandbox/change-signal.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { sequence } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { testCertificates } from '../support/tls.ts';
import { post, postAll, testAgent } from './post.ts';

failOnLeaks();

test('a company records each request, its connection and its answer', async () => {
  const acme = await testSandbox().company('acme', { script: sequence([500]) });
  const body = JSON.stringify({ optiturn_lp: 'Lß✓', filler: 'x'.repeat(200_000) });
  const before = performance.now();
  await postAll(acme, [
    { key: 'a', body, path: '/dispositions?n=1', headers: { 'X-Waybill-Attempt': '1' } },
    { key: 'a' },
  ]);
  await post(acme, { key: 'b' });
  expect(acme.requests.map(({ connection }) => connection)).toEqual([1, 1, 2]);
  const [first, second] = acme.requests;
  expect(first).toMatchObject({
    company: 'acme',
    method: 'POST',
    path: '/dispositions?n=1',
    body,
    eventId: 'a',
    headers: { 'x-waybill-attempt': '1', 'content-type': 'application/json' },
    answered: { status: 500 },
  });
  expect(first?.at).toBeGreaterThan(before);
  expect(first?.finishedAt).toBeGreaterThanOrEqual(first?.at ?? 0);
  expect(second?.at).toBeGreaterThanOrEqual(first?.finishedAt ?? 0);
  expect([...acme.deliveredIds]).toEqual(['a', 'b']);
  expect(acme.connections.opened).toBe(2);
});

test('a 2xx status counts as delivered, whatever becomes of the body', async () => {
  const acme = await testSandbox().company('acme', { script: 'reset_after_headers' });
  await expect(post(acme)).rejects.toThrow();
  expect([...acme.deliveredIds]).toEqual(['event-1']);
});

test('a request that breaks off is not recorded', async () => {
  const acme = await testSandbox().company('acme');
  const socket = connect(acme.port, '127.0.0.1');
  socket.end('POST /dispositions HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{');
  await new Promise((resolve) => socket.resume().once('close', resolve));
  await post(acme);
  expect(acme.tally.received).toBe(1);
});

test('a sender that leaves before the answer is recorded as such', async () => {
  const acme = await testSandbox().company('acme', { script: { status: 200, delayMs: 60_000 } });
  const agent = testAgent();
  const left = expect(post(acme, { agent })).rejects.toThrow();
  await acme.waitFor(1);
  await agent.destroy();
  await left;
  await acme.waitFor(() => acme.requests[0]?.finishedAt !== undefined);
  expect(acme.requests[0]?.answered).toBeUndefined();
  expect(acme.deliveredIds.size).toBe(0);
});

test('waitFor resolves once the requests arrive, or at once if they have arrived', async () => {
  const acme = await testSandbox().company('acme', { script: 201 });
  const waits = Promise.all([acme.waitFor(2), acme.waitFor((company) => company.deliveredIds.has('b'))]);
  await postAll(acme, [{ key: 'a' }, { key: 'b' }]);
  await waits;
  await acme.waitFor(2, { timeoutMs: 0 });
});

test('waitFor rejects with what the company received', async () => {
  const acme = await testSandbox().company('acme', { script: sequence([500, 'close', 200]) });
  const agent = testAgent();
  for (const key of ['a', 'b', 'c']) await post(acme, { key, agent }).catch(() => {});
  const error = await acme.waitFor(4, { timeoutMs: 10 }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(WaitTimeoutError);
  expect(String(error)).toMatch(
    /waited 10 ms for 4 deliveries; company "acme" saw 3 deliveries \[500 × 1, close × 1, 200 × 1\] \(1 events accepted\), 0 token requests, \d of 2 connections open/,
  );
});

test('a script that throws answers 500 and ends the waits', async () => {
  const acme = await testSandbox().company('acme');
  for (const script of [() => fail(), () => Promise.reject(new Error('oh'))]) {
    acme.script(script);
    expect(await post(acme)).toMatchObject({ status: 500, body: expect.stringContaining('oh') });
  }
  await expect(acme.waitFor(9)).rejects.toThrow('the script of company "acme" failed on POST /dispositions');
});

test('a condition that throws ends its own wait', async () => {
  const acme = await testSandbox().company('acme');
  await expect(acme.waitFor(() => fail())).rejects.toThrow('oh');
  await acme.waitFor(0);
});

test('down closes connections and refuses new ones, up listens again on the same port', async () => {
  const acme = await testSandbox().company('acme', { script: sequence(['hang']) });
  const hung = expect(post(acme)).rejects.toThrow();
  await acme.waitFor(1);
  await acme.down();
  await hung;
  await expect(post(acme)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await acme.down();
  await acme.up();
  await acme.up();
  expect((await post(acme)).status).toBe(200);
});

test('close ends waits and connections of all companies', async () => {
  const sandbox = testSandbox();
  const companies = [await sandbox.company('acme', { script: 'hang' }), await sandbox.company('outlet')];
  const [acme] = companies;
  const hung = expect(post(acme as (typeof companies)[0])).rejects.toThrow();
  await acme?.waitFor(1);
  const wait = expect(acme?.waitFor(2)).rejects.toThrow(
    'company "acme" was closed; company "acme" saw 1 deliveries',
  );
  await sandbox.close();
  await Promise.all([hung, wait]);
  expect(companies.map(({ connections }) => connections.open)).toEqual([0, 0]);
});

test('connections without a request are closed too, also during a TLS handshake', async () => {
  const { valid } = await testCertificates();
  const sandbox = testSandbox();
  const plain = await sandbox.company('plain');
  const secure = await sandbox.company('secure', { tls: valid });
  const closed = [plain, secure].map(async ({ port }) => {
    const socket = connect(port, '127.0.0.1').resume();
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve));
    return { ended: new Promise((resolve) => socket.once('close', resolve)) };
  });
  const opened = await Promise.all(closed);
  await sandbox.close();
  await Promise.all(opened.map(({ ended }) => ended));
});

test('speaks TLS, with a certificate that a sender can check', async () => {
  const { ca, valid, expired } = await testCertificates();
  const sandbox = testSandbox({ tls: valid });
  const acme = await sandbox.company('acme');
  const agent = testAgent({ connect: { ca } });
  expect(acme.baseUrl).toMatch(/^https:/);
  expect((await post(acme, { agent })).status).toBe(200);
  await expect(post(acme)).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  const late = await sandbox.company('late', { tls: expired });
  await expect(post(late, { agent })).rejects.toMatchObject({ code: 'CERT_HAS_EXPIRED' });
});

test('keepLatest bounds the requests that are remembered, and not the counts', async () => {
  const acme = await testSandbox().company('acme', { keepLatest: 5 });
  const deliveries = Array.from({ length: 23 }, (_, n) => ({ key: `event-${n}` }));
  await postAll(acme, deliveries);
  expect(acme.tally).toMatchObject({ received: 23, inFlight: 0, mostInFlight: 1 });
  expect(acme.requests.length).toBeGreaterThanOrEqual(5);
  expect(acme.requests.length).toBeLessThanOrEqual(10);
  expect(acme.requests.at(-1)?.eventId).toBe('event-22');
  expect(acme.deliveredIds.size).toBeLessThanOrEqual(10);
  expect(acme.deliveredIds.has('event-22')).toBe(true);
});

test('client settings are valid configuration and can be changed', async () => {
  const acme = await testSandbox().company('acme', { auth: { type: 'oauth2' } });
  const config = clientConfigSchema.parse(acme.clientSettings({ concurrency: 3, retry: { retries: 0 } }));
  expect(config).toMatchObject({ baseUrl: acme.baseUrl, concurrency: 3, allowPrivateNetwork: true });
  expect(config.auth).toMatchObject({ tokenUrl: acme.tokenUrl, clientId: 'waybill', style: 'json' });
});

test('a second company of the same name is refused', async () => {
  const sandbox = testSandbox();
  await sandbox.company('acme');
  await expect(sandbox.company('acme')).rejects.toThrow('already has a company "acme"');
});

function fail(): never {
  throw new Error('oh');
}
