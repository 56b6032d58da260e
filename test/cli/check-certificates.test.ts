import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { certificates } from '../http/certificates.ts';
import { check } from '../support/check.ts';
import { testRedisPath } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { testDirectory } from '../support/waybill-process.ts';

/** Half a day more, so that the test may take its time. */
const NOW = Date.now();
const inDays = (days: number): Date => new Date(NOW + (days + 0.5) * 86_400_000);
const day = (days: number): string => inDays(days).toISOString().slice(0, 10);

test('certificates that end within 21 days, or have ended, are said with the file and the day', async () => {
  const [soon, late, ended] = await Promise.all([
    certificates(undefined, { client: inDays(5), ca: inDays(200) }),
    certificates(undefined, { client: inDays(30), ca: inDays(1) }),
    certificates(undefined, { client: inDays(-3), ca: inDays(-2), authority: 'former authority' }),
  ]);
  const directory = testDirectory();
  const path = (name: string): string => join(directory, `${name}.pem`);
  const write = (name: string, pem: string): string => {
    writeFileSync(path(name), pem);
    return path(name);
  };
  const filesOf = (name: string, made: typeof soon) => ({
    ca: write(`${name}-ca`, made.ca),
    cert: write(`${name}-cert`, made.client.cert),
    key: write(`${name}-key`, made.client.key),
  });
  const company = await testSandbox().company('acme', { auth: { type: 'oauth2' } });
  const auth = { ...company.clientSettings().auth, tls: filesOf('late', late) } as never;
  const clients = {
    fine: company.clientSettings({ tls: { ca: write('fine', soon.ca) } }),
    acme: company.clientSettings({ tls: filesOf('soon', soon), auth }),
    gone: company.clientSettings({ tls: filesOf('ended', ended) }),
    too: company.clientSettings({ tls: filesOf('soon', soon) }),
    many: company.clientSettings({ tls: { ca: write('bundle', `${soon.ca}\n${ended.ca}`) } }),
  };
  const { code, bad, findings } = await check({ config: { redis: { url: testRedisPath() }, clients } });
  const ofClients = bad.filter((line) => line.includes(' clients.'));
  expect(code).toBe(3);
  const classes = findings.flatMap(({ message, class: kind }) =>
    / end(?:s|ed) on /.test(message) ? [kind] : [],
  );
  expect(classes).toEqual(Array.from({ length: 5 }, () => 'certificate'));
  expect(ofClients).toEqual([
    `warning clients.acme: tls.cert: the certificate "waybill" ends on ${day(5)}, in 5 days (${path('soon-cert')}), for 2 clients: acme, too`,
    `warning clients.acme: auth.tls.ca: the authority "acme test authority" ends on ${day(1)}, in 1 day (${path('late-ca')})`,
    `error clients.gone: tls.ca: the authority "former authority" ended on ${day(-2)} (${path('ended-ca')})`,
    `error clients.gone: tls.cert: the certificate "waybill" ended on ${day(-3)} (${path('ended-cert')})`,
    `warning clients.many: tls.ca: the authority "former authority" ended on ${day(-2)} (${path('bundle')})`,
  ]);
});
