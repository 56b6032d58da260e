import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createProducer } from '../../src/service/producer.ts';
import { certificates } from '../http/certificates.ts';
import { numberedEvents } from '../support/events.ts';
import { ANY_PORT, healthOf } from '../support/health-client.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { uniqueClientName } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { servicePlace } from '../support/service-place.ts';
import { testDirectory } from '../support/waybill-process.ts';

failOnLeaks();

const NOW = Math.floor(Date.now() / 1_000) * 1_000;
const inDays = (days: number): Date => new Date(NOW + days * 86_400_000);
const TYPE = 'disposition_update';
const SOON = 'certificate ends soon';
const ENDED = 'certificate has ended';
const METRIC = 'waybill_certificate_not_after_timestamp_seconds';

test('a service tells once of certificates that end: ours at its start, theirs when they are shown', async () => {
  const [theirs, refused] = await Promise.all([
    certificates(['127.0.0.1'], { client: inDays(-1), server: inDays(9) }),
    certificates(['127.0.0.1'], { server: inDays(-2) }),
  ]);
  const directory = testDirectory();
  const fileOf = (name: string, pem: string): string => {
    writeFileSync(join(directory, name), pem);
    return join(directory, name);
  };
  const sandbox = testSandbox();
  const [good, bad] = [uniqueClientName('good'), uniqueClientName('bad')];
  const company = await sandbox.company(good, { tls: theirs.server });
  const expired = await sandbox.company(bad, { tls: refused.server });
  const files = {
    ca: fileOf('ca.pem', theirs.ca),
    cert: fileOf('own.pem', theirs.client.cert),
    key: fileOf('own-key.pem', theirs.client.key),
  };
  const { file, configure, start } = servicePlace();
  const clients = {
    [good]: company.clientSettings({ tls: files, connectionMaxAgeMs: 1 }),
    [bad]: expired.clientSettings({ tls: { ca: fileOf('bad-ca.pem', refused.ca) } }),
  };
  configure(clients, { metrics: ANY_PORT });
  const service = start(2);
  const health = await healthOf(service);
  await service.waitForLine('started');
  const certificateLines = () => service.lines.filter(({ msg }) => msg === SOON || msg === ENDED);
  expect(certificateLines()).toEqual([
    expect.objectContaining({ level: 'warn', msg: ENDED, client: good, use: 'own', file: files.cert }),
  ]);

  const producer = await createProducer(file);
  onTestFinished(() => producer.close());
  await producer.submitMany(good, TYPE, numberedEvents(TYPE, 50));
  await producer.submitMany(bad, TYPE, numberedEvents(TYPE, 3));
  await company.waitFor((seen) => seen.deliveredIds.size === 50);
  const where = `127.0.0.1:${company.port}`;
  const shown = { level: 'warn', use: 'peer', subject: 'endpoint' };
  expect(await service.waitForLine(SOON)).toMatchObject({
    ...shown,
    client: good,
    where,
    ends: expect.stringMatching(new RegExp(`^${inDays(9).toISOString().slice(0, 10)}`)),
  });
  const isRefused = ({ msg, client }: Record<string, unknown>) => msg === ENDED && client === bad;
  expect(await service.waitForLine(isRefused)).toMatchObject({
    ...shown,
    where: `127.0.0.1:${expired.port}`,
  });
  const scrape = await health.scrape();
  expect(scrape.sum(METRIC, { client: good, use: 'own', where: 'tls' })).toBeLessThan(Date.now() / 1_000);
  expect(scrape.sum(METRIC, { client: good, use: 'peer', where })).toBeGreaterThan(
    inDays(8).getTime() / 1_000,
  );
  expect(scrape.sum(METRIC, { client: bad, use: 'peer' })).toBeLessThan(Date.now() / 1_000);

  // They are the same certificates for other workers, and after a reload.
  service.signal('SIGHUP');
  await service.waitForLine('workers replaced');
  await producer.submitMany(good, TYPE, numberedEvents(TYPE, 20, 50));
  await company.waitFor((seen) => seen.deliveredIds.size === 70);
  expect(certificateLines()).toHaveLength(3);
  service.signal('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
});
