import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { CertificateFacts } from '../../src/config/certificates.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import { createLog } from '../../src/log.ts';
import { CertificateWatch } from '../../src/observability/certificate-watch.ts';
import { certificates } from '../http/certificates.ts';
import { captureLogLines } from '../support/log-lines.ts';
import { testDirectory } from '../support/waybill-process.ts';

const DAY_MS = 86_400_000;
const NOW = Date.parse('2031-06-01T12:00:00Z');
const inDays = (days: number): Date => new Date(NOW + days * DAY_MS);
const METRIC = 'waybill_certificate_not_after_timestamp_seconds';

/** A watch whose clock is at `NOW`, and a client whose own certificate and authority end by then. */
async function watch(ends: { readonly own: number; readonly authority: number; readonly before?: number }) {
  const made = await certificates(undefined, { client: inDays(ends.own), ca: inDays(ends.authority) });
  const former =
    ends.before === undefined ? undefined : await certificates(undefined, { ca: inDays(ends.before) });
  const directory = testDirectory();
  const files = { ca: `${made.ca}\n${former?.ca ?? ''}`, cert: made.client.cert, key: made.client.key };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, `${name}.pem`), text);
  const acme = {
    baseUrl: 'https://returns.acme.example',
    endpoints: { disposition_update: '/d', inventory_receipt: 'https://[2001:db8::1]:8443/r' },
    tls: { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' },
  };
  const load = (clients: object) => parseConfig(stringify({ clients }), join(directory, 'waybill.yaml'), {});
  const lines = captureLogLines();
  const clock = { now: NOW };
  const log = createLog({ level: 'info', destination: lines.stream });
  const certificateWatch = new CertificateWatch(log, () => clock.now);
  const config = load({ acme });
  certificateWatch.configure(config);
  const told = () => lines.lines.map(({ msg, use, subject }) => `${msg}: ${use} ${subject}`);
  const metric = () =>
    certificateWatch.describe().values.map(({ labels, value }) => [Object.values(labels).join(' '), value]);
  return { watch: certificateWatch, clock, lines, told, metric, load, directory, acme, config };
}

const facts = (subject: string, days: number): CertificateFacts => ({
  subject,
  issuer: 'theirs',
  validFrom: NOW - DAY_MS,
  validTo: NOW + days * DAY_MS,
});

test('a certificate of ours that ends within 21 days is told of at once, and once a day', async () => {
  const { watch: watching, clock, lines, told, directory, config } = await watch({ own: 20, authority: 22 });
  expect(lines.lines).toEqual([
    expect.objectContaining({
      level: 'warn',
      msg: 'certificate ends soon',
      client: 'acme',
      use: 'own',
      where: 'tls',
      file: join(directory, 'cert.pem'),
      subject: 'waybill',
      ends: '2031-06-21T12:00:00.000Z',
    }),
  ]);
  clock.now += DAY_MS - 1;
  watching.judge();
  watching.configure(config);
  expect(told()).toHaveLength(1);
  clock.now += 1;
  watching.judge();
  watching.judge();
  expect(told().slice(1)).toEqual([
    'certificate ends soon: authority acme test authority',
    'certificate ends soon: own waybill',
  ]);
});

test('a file that many clients name is told of once, with the first of them and their count', async () => {
  const { watch: watching, clock, lines, load, acme } = await watch({ own: 30, authority: 40 });
  const names = Array.from({ length: 50 }, (_, n) => `c${n}`);
  const auth = {
    type: 'oauth2',
    tokenUrl: 'https://t.example',
    clientId: 'a',
    clientSecret: 'b',
    tls: acme.tls,
  };
  watching.configure(
    load({ ...Object.fromEntries(names.map((name) => [name, acme])), last: { ...acme, auth } }),
  );
  clock.now += 10 * DAY_MS;
  watching.judge();
  const expected = { use: 'own', subject: 'waybill', clients: ['c0', 'c1', 'c2', 'c3', 'c4'], count: 51 };
  expect(lines.lines).toEqual([expect.objectContaining(expected)]);
  expect(lines.lines[0]).not.toHaveProperty('client');
});

test('a certificate that has ended is told of as such, at once when it ends', async () => {
  const { watch: watching, clock, told } = await watch({ own: 1.5, authority: -3 });
  const first = [
    'certificate has ended: authority acme test authority',
    'certificate ends soon: own waybill',
  ];
  expect(told()).toEqual(first);
  clock.now += 1.5 * DAY_MS;
  watching.judge();
  expect(told()).toContain('certificate has ended: own waybill');
});

test('an authority that has its successor beside it in the file is not told of', async () => {
  const { told, metric } = await watch({ own: 100, authority: 300, before: -1 });
  expect(told()).toEqual([]);
  expect(metric()).toEqual([
    ['acme authority tls', inDays(300).getTime() / 1_000],
    ['acme own tls', inDays(100).getTime() / 1_000],
  ]);
});

test('what a server has shown is told of by the server, and takes the place of what it showed before', async () => {
  const { watch: watching, told, metric } = await watch({ own: 100, authority: 300 });
  const peers = () => metric().filter(([labels]) => String(labels).includes('peer'));
  const where = 'returns.acme.example:443';
  watching.seen('acme', where, [facts('leaf', 5), facts('issuer', 400)]);
  watching.seen('acme', where, [facts('leaf', 5), facts('issuer', 400)]);
  expect(told()).toEqual(['certificate ends soon: peer leaf']);
  expect(peers()).toEqual([[`acme peer ${where}`, inDays(5).getTime() / 1_000]]);
  watching.seen('acme', where, [facts('leaf', 90), facts('issuer', 400)]);
  watching.judge();
  expect(told()).toHaveLength(1);
  expect(peers()).toEqual([[`acme peer ${where}`, inDays(90).getTime() / 1_000]]);
  // The date of a certificate from outside may be none.
  watching.seen('acme', where, [{ ...facts('odd', 1), validTo: Number.NaN }]);
  expect(peers()).toEqual([]);
});

test('servers that the settings no longer name are forgotten', async () => {
  const { watch: watching, metric, load, acme, config } = await watch({ own: 100, authority: 300 });
  const servers = ['returns.acme.example:443', '[2001:db8::1]:8443'];
  for (const where of servers) watching.seen('acme', where, [facts('leaf', 90)]);
  const peers = () => metric().flatMap(([labels]) => /peer (.*)/.exec(String(labels))?.[1] ?? []);
  watching.configure(config);
  expect(peers()).toEqual(servers);
  watching.configure(load({ acme: { ...acme, endpoints: { disposition_update: '/d' } } }));
  expect(peers()).toEqual(servers.slice(0, 1));
  watching.configure(load({ other: acme }));
  expect(peers()).toEqual([]);
});

test('the metric has a name that ends in its unit', async () => {
  const { watch: watching } = await watch({ own: 100, authority: 300 });
  expect(watching.describe()).toMatchObject({ name: METRIC, type: 'gauge' });
});
