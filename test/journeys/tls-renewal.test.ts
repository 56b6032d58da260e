import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { generateKey } from '../../src/api/keys.ts';
import type { CheckFinding } from '../../src/check/finding.ts';
import { createProducer } from '../../src/service/producer.ts';
import { certificates } from '../http/certificates.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedisPath, uniqueClientName } from '../support/redis.ts';
import { serviceInProcess } from '../support/service-in-process.ts';
import { until } from '../support/until.ts';
import { testDirectory } from '../support/waybill-process.ts';

failOnLeaks();

const TYPE = 'disposition_update';
const NOT_TAKEN = 'new TLS files not taken: the present ones stay in use';
const [FIRST, SECOND] = [
  await certificates(['127.0.0.1']),
  await certificates(undefined, { authority: 'other authority' }),
];
const [OLD, NEW] = [FIRST, SECOND].map((made) => new X509Certificate(made.client.cert).fingerprint256);

/** An endpoint that asks for certificates, and tells which ones requests came with. */
async function strictEndpoint() {
  const shown: (string | undefined)[] = [];
  const trusted = { ca: [FIRST.ca, SECOND.ca], requestCert: true, rejectUnauthorized: true };
  const server = createServer({ ...FIRST.server, ...trusted }, (request, response) => {
    shown.push((request.socket as TLSSocket).getPeerX509Certificate()?.fingerprint256);
    request.resume().once('end', () => response.setHeader('connection', 'close').end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => void (await once(server.close(), 'close')));
  return { baseUrl: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, shown };
}

test('a renewed certificate is used by the same workers once its key is there, and the old one until then', async () => {
  const { baseUrl, shown } = await strictEndpoint();
  const directory = testDirectory();
  const write = (name: string, pem: string): void => writeFileSync(join(directory, name), pem);
  write('ca.pem', FIRST.ca);
  write('own.pem', FIRST.client.cert);
  write('own-key.pem', FIRST.client.key);
  const name = uniqueClientName();
  const client = {
    baseUrl,
    endpoints: { [TYPE]: '/d' },
    allowPrivateNetwork: true,
    tls: { ca: 'ca.pem', cert: 'own.pem', key: 'own-key.pem' },
  };
  const text = stringify({ redis: { url: testRedisPath() }, clients: { [name]: client } });
  const file = join(directory, 'waybill.yaml');
  writeFileSync(file, text);
  const { lines } = await serviceInProcess(text, file, { lookEveryMs: 20 });
  const producer = await createProducer(file);
  onTestFinished(() => producer.close());
  const deliver = async (): Promise<string | undefined> => {
    const before = shown.length;
    await producer.submitMany(name, TYPE, numberedEvents(TYPE, 1, before));
    await until(async () => shown.length > before, 60_000);
    return shown.at(-1);
  };
  expect(await deliver()).toBe(OLD);

  write('own.pem', SECOND.client.cert);
  expect(await lines.waitForLine(NOT_TAKEN)).toMatchObject({ level: 'warn', client: name, setting: 'tls' });
  expect(await deliver()).toBe(OLD);
  // What stands on disk would keep a new worker from beginning.
  process.kill(Number(lines.matching('delivering')[0]?.['pid']), 'SIGKILL');
  await lines.waitForLine((line) => line['msg'] === 'delivering' && lines.matching('delivering')[0] !== line);
  expect(await deliver()).toBe(OLD);

  write('own-key.pem', SECOND.client.key);
  expect(await lines.waitForLine('new TLS files taken')).toMatchObject({
    clients: [name],
    files: [join(directory, 'own.pem'), join(directory, 'own-key.pem')],
  });
  // The worker learns of it a moment later.
  await until(async () => (await deliver()) === NEW, 60_000);
  expect([lines.matching(NOT_TAKEN), lines.matching('delivering')].map(({ length }) => length)).toEqual([
    1, 2,
  ]);
  expect(lines.matching('attempt')).toEqual([]);
});

test('a check by HTTP tells of the certificate that is in use, also after its renewal', async () => {
  const { baseUrl } = await strictEndpoint();
  const directory = testDirectory();
  const write = (name: string, pem: string): void => writeFileSync(join(directory, name), pem);
  const ending = await certificates(undefined, { client: new Date(Date.now() + 5 * 86_400_000) });
  write('ca.pem', FIRST.ca);
  write('own.pem', ending.client.cert);
  write('own-key.pem', ending.client.key);
  const { key, sha256 } = generateKey();
  const tls = { ca: 'ca.pem', cert: 'own.pem', key: 'own-key.pem' };
  const text = stringify({
    redis: { url: testRedisPath() },
    http: { port: 0, keys: [{ name: 'ops', sha256, scopes: ['operate'] }] },
    clients: {
      [uniqueClientName()]: { baseUrl, endpoints: { [TYPE]: '/d' }, allowPrivateNetwork: true, tls },
    },
  });
  const file = join(directory, 'waybill.yaml');
  writeFileSync(file, text);
  const { lines } = await serviceInProcess(text, file, { lookEveryMs: 20 });
  const { address } = await lines.waitForLine('http api listens');
  const warnings = async (): Promise<string[]> => {
    const headers = { authorization: `Bearer ${key}`, connection: 'close' };
    const answer = await fetch(`${address}/v1/check`, { method: 'POST', headers });
    const { findings } = (await answer.json()) as { findings: CheckFinding[] };
    return findings.flatMap(({ class: kind, message }) => (kind === 'certificate' ? message : []));
  };
  expect(await warnings()).toEqual([
    expect.stringMatching(/^tls\.cert: the certificate "waybill" ends on .*, in 4 days/),
  ]);
  write('own.pem', SECOND.client.cert);
  write('own-key.pem', SECOND.client.key);
  await lines.waitForLine('new TLS files taken');
  expect(await warnings()).toEqual([]);
});
