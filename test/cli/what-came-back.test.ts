import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { testRedisPath } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { runWaybill, testDirectory } from '../support/waybill-process.ts';

const TYPE = 'disposition_update';

test('a redirect is told with its target, and a dead letter with its URL and headers, without secrets', async () => {
  const headers = {
    Location: '/login?next=dispositions&session=4711-marked#top',
    Server: 'nginx/1.22.1',
    'Content-Type': 'text/html',
    'X-Request-Id': 'r-0815',
    'Set-Cookie': 'session=4711-marked',
  };
  const company = await testSandbox().company('acme', {
    auth: { type: 'bearer', token: 'marked-token-4711' },
    script: { status: 302, headers, body: '<h1>Found</h1>' },
  });
  const settings = company.clientSettings({ retry: { retries: 0 } });
  const endpoints = { [TYPE]: '/dispositions?key=marked-key-4711' };
  const acme = { ...settings, endpoints };
  const engine = await testEngine({ acme });
  const client = engine.client();
  const [id = ''] = await client.submit(numberedEvents(TYPE, 1));
  await client.settled({ dead: 1 });

  const origin = company.baseUrl;
  const target = `${origin}/login?next=***&session=***`;
  const url = `${origin}/dispositions?key=***`;
  const kept = { server: 'nginx/1.22.1', 'content-type': 'text/html', 'x-request-id': 'r-0815' };
  const response = `redirects to ${target}\n<h1>Found</h1>`;
  expect(await client.deadLetters()).toMatchObject([{ response, headers: kept, url }]);
  expect(await engine.log.waitForLine('attempt')).toMatchObject({ status: 302, location: target });
  expect(await engine.log.waitForLine('dead letter')).toMatchObject({ detail: response });
  expect((await client.status()).lastError?.detail).toBe(response);

  const directory = testDirectory();
  const config = { redis: { url: testRedisPath() }, clients: { [client.name]: acme } };
  writeFileSync(join(directory, 'waybill.yaml'), stringify(config));
  const run = async (...args: string[]) => (await runWaybill(args, { directory })).stdout;
  const shown = await run('dead-letters', 'show', id);
  expect(shown).toContain(`\nSent to\n  ${url}\n`);
  expect(shown).toContain(
    `\nLast response\n  x-request-id: r-0815\n  server: nginx/1.22.1\n  content-type: text/html\n\n  redirects to ${target}\n  <h1>Found</h1>\n`,
  );
  const asJson = JSON.parse(await run('dead-letters', 'show', id, '--json'));
  expect(asJson).toMatchObject({ url, headers: kept, response });
  const report = await run('report', client.name);
  expect(report).toContain(
    `x-request-id: r-0815\nserver: nginx/1.22.1\ncontent-type: text/html\n\n${response}`,
  );
  expect(report).toContain('We do not follow redirects. Tell us whether ');
  const exported = await run('dead-letters', 'export', '--client', client.name);
  expect(JSON.parse(exported)).toMatchObject({ url, headers: kept, response });
  for (const text of [shown, report, exported, JSON.stringify(engine.log.lines)]) {
    expect(text).not.toContain('4711');
  }
});

test('a 200 with a web page is delivered, and told in status and report with a count and since when', async () => {
  const page = {
    status: 200,
    headers: { 'Content-Type': 'Text/HTML; charset=utf-8' },
    body: '<h1>Log in</h1>',
  };
  const company = await testSandbox().company('acme', { script: page });
  const acme = company.clientSettings();
  const client = (await testEngine({ acme })).client();
  const before = Date.now();
  await client.submit(numberedEvents(TYPE, 3));
  await client.settled({ delivered: 3 });

  const directory = testDirectory();
  const config = { redis: { url: testRedisPath() }, clients: { [client.name]: acme } };
  writeFileSync(join(directory, 'waybill.yaml'), stringify(config));
  const run = async (...args: string[]) => (await runWaybill(args, { directory })).stdout;
  expect(await run('status', client.name)).toMatch(
    /disposition_update: answers 2xx with a web page: is the URL right\?\n {2}3 of its deliveries, since \S+ \S+, the latest \S+ \S+\n/,
  );
  const { clients } = JSON.parse(await run('status', '--json', client.name));
  const { deliveries, since, latestAt } = clients[client.name].endpoints[TYPE].webPages;
  expect(deliveries).toBe(3);
  expect(Date.parse(since)).toBeGreaterThanOrEqual(before);
  expect(latestAt >= since).toBe(true);
  const report = await run('report', client.name);
  expect(report).toContain('Nothing fails, but one of your endpoints may be at another URL than we have.');
  expect(report).toMatch(/\| Deliveries answered with a web page \| 3, from \S+ \S+Z to \S+ \S+Z \|/);
  expect(report).toContain('it answers 2xx with a web page');
  expect(report).not.toContain('Failing since');
  expect(report).not.toContain('What happens next');

  company.script({ ...page, headers: { 'Content-Type': 'application/json' } });
  await client.submit(numberedEvents(TYPE, 2));
  await client.settled({ delivered: 5 });
  expect((await client.status()).endpoints[TYPE]?.webPages).toMatchObject({ deliveries: 3 });
});
