import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { request } from 'undici';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { generateKey } from '../../src/api/keys.ts';
import { numberedEvent } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedisPath, uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { runWaybill, startWaybill, testDirectory } from '../support/waybill-process.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const START_MS = 30_000;

function isListening(address: string): Promise<boolean> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.once('error', () => resolve(false)).once('connect', () => resolve(true));
    socket.once('connect', () => socket.destroy());
  });
}

/** A service with the API and one client, and a key for all of it. */
async function serve(logLevel: string) {
  const directory = testDirectory();
  const name = uniqueClientName();
  const company = await testSandbox().company(name);
  const { key, sha256 } = generateKey();
  const http = { port: 0, keys: [{ name: 'orders', sha256, scopes: ['submit', 'operate'] }] };
  const config = { redis: { url: testRedisPath() }, http, clients: { [name]: company.clientSettings() } };
  writeFileSync(join(directory, 'waybill.yaml'), stringify(config));
  const service = startWaybill(['start', '--workers', '1', '--log-level', logLevel], { directory });
  const { address } = await service.waitForLine('http api listens', { timeoutMs: START_MS });
  // Nothing else was asked for.
  expect(new URL(String(address)).hostname).toBe('127.0.0.1');
  await service.waitForLine('started', { timeoutMs: START_MS });
  return { service, name, company, key, address };
}

test('events come in by HTTP and are delivered; a stop first finishes the request under way', async () => {
  const { service, name, company, key, address } = await serve('debug');
  const url = `${address}/v1/clients/${name}/events/${TYPE}`;
  const authorization = `Bearer ${key}`;

  let more: (line: string | null) => void = () => {};
  async function* lines(): AsyncGenerator<Buffer> {
    for (let n = 0; ; n++) {
      yield Buffer.from(`${JSON.stringify(numberedEvent(TYPE, n))}\n`);
      const next = await new Promise<string | null>((resolve) => {
        more = resolve;
      });
      if (next === null) return;
    }
  }
  const answering = request(url, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/x-ndjson' },
    body: Readable.from(lines()),
    reset: true,
  });
  await company.waitFor(1, { timeoutMs: START_MS });
  service.signal('SIGTERM');
  // It takes no further ones, and is not gone before this one is answered.
  await until(async () => !(await isListening(String(address))), START_MS);
  more('go on');
  await new Promise((resolve) => setImmediate(resolve));
  more(null);
  const answer = await answering;
  expect(answer.statusCode).toBe(202);
  const { accepted } = (await answer.body.json()) as { accepted: { id: string }[] };
  expect(accepted.length).toBeGreaterThan(0);
  expect(company.deliveredIds.has(accepted[0]?.id ?? '')).toBe(true);
  expect(await service.exit).toEqual({ code: 0, signal: null });
  expect(service.stdout).not.toContain(key);
});

test('a submission that is repeated under its key is the same event, of which can be told what became', async () => {
  const { service, name, company, key, address } = await serve('info');
  const ask = async (path: string, options: Parameters<typeof request>[1] = {}) => {
    const headers = { ...options?.headers, authorization: `Bearer ${key}` };
    const answer = await request(`${address}${path}`, { ...options, headers, reset: true });
    return (await answer.body.json()) as Record<string, unknown>;
  };
  const submit = () =>
    ask(`/v1/clients/${name}/events/${TYPE}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'order-17' },
      body: JSON.stringify(numberedEvent(TYPE, 1)),
    });
  const first = (await submit()) as { accepted: { id: string }[] };
  const id = first.accepted[0]?.id ?? '';
  expect(await submit()).toMatchObject({ accepted: [{ index: 0, id, repeated: true }] });
  await until(async () => (await ask(`/v1/events/${id}`)).state === 'delivered', START_MS);
  expect(await ask(`/v1/events/${id}`)).toMatchObject({ id, client: name, state: 'delivered', status: 200 });
  expect(await submit()).toMatchObject({ accepted: [{ id }] });
  expect(await ask(`/v1/clients/${name}`)).toMatchObject({ accepted: 1, waiting: 0 });
  expect(company.requests).toHaveLength(1);
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
});

test('a service with an http that is empty takes the first key by SIGHUP', async () => {
  const directory = testDirectory();
  const file = join(directory, 'waybill.yaml');
  const name = uniqueClientName();
  const company = await testSandbox().company(name);
  const config = { redis: { url: testRedisPath() }, clients: { [name]: company.clientSettings() } };
  // Another port than 8425, which may be taken.
  writeFileSync(file, `${stringify(config)}http:\n  port: 0\n`);
  const service = startWaybill(['start', '--workers', '1'], { directory });
  const { address, keys } = await service.waitForLine('http api listens', { timeoutMs: START_MS });
  expect(keys).toEqual([]);
  await service.waitForLine('started', { timeoutMs: START_MS });
  const ask = async (key: string) => {
    const headers = { authorization: `Bearer ${key}` };
    const answer = await request(`${address}/v1/clients/${name}`, { headers, reset: true });
    return { status: answer.statusCode, body: (await answer.body.json()) as { detail?: string } };
  };
  const refused = await ask('none');
  expect(refused.status).toBe(401);
  expect(refused.body.detail).toMatch(
    /"waybill key NAME --scope submit" makes one .* send the service SIGHUP$/,
  );

  const made = await runWaybill(['key', 'orders', '--scope', 'read'], { directory });
  const [, key = ''] = /^ {2}(waybill_\S+)$/m.exec(made.stdout) ?? [];
  const [, lines = ''] = /below line \d+:\n\n((?: .*\n)*)/.exec(made.stdout) ?? [];
  writeFileSync(file, `${stringify(config)}http:\n${lines}  port: 0\n`);
  service.signal('SIGHUP');
  expect(await service.waitForLine('http api has other keys', { timeoutMs: START_MS })).toMatchObject({
    keys: ['orders'],
  });
  expect((await ask(key)).status).toBe(200);
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
});

test('a port that is taken ends the start with a sentence', async () => {
  const directory = testDirectory();
  const company = await testSandbox().company('acme');
  const port = Number(new URL(String(company.clientSettings().baseUrl)).port);
  const keys = [{ name: 'orders', sha256: generateKey().sha256, scopes: ['submit'] }];
  const clients = { [uniqueClientName()]: company.clientSettings() };
  writeFileSync(
    join(directory, 'waybill.yaml'),
    stringify({ redis: { url: testRedisPath() }, http: { port, keys }, clients }),
  );
  const service = startWaybill(['start', '--workers', '1'], { directory });
  expect(await service.exit).toEqual({ code: 2, signal: null });
  expect(service.stderr).toContain(`the HTTP API cannot listen on 127.0.0.1, port ${port}: `);
});
