import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { createLog } from '../../src/log.ts';
import { paceKey } from '../../src/queue/names.ts';
import { monitorIncidents } from '../../src/service/monitor-incidents.ts';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { dispositionsOf, numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { captureLogLines, type LogLine } from '../support/log-lines.ts';
import { mailServer, PLAIN, partsOf, rawMailServer, type TakenMail } from '../support/mail-server.ts';
import { testRedisPath } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { testDirectory } from '../support/waybill-process.ts';

failOnLeaks();

const QUICK_NOTICES = { retries: 100_000, minTimeout: 10, maxTimeout: 50 };
const WAIT = { timeoutMs: 60_000 };

/** Two clients of which nothing is delivered, the first with a contact, and a monitor that mails by this server. */
async function failingClients(port: number, retry = QUICK_NOTICES) {
  const sandbox = testSandbox();
  const [company, hook] = await Promise.all([
    sandbox.company('acme', { script: 500 }),
    sandbox.company('hook', { script: 200 }),
  ]);
  const settings = company.clientSettings({ retry: { ...QUICK_RETRIES, retries: 0 }, pace: 'fixed' });
  const engine = await testEngine({ acme: settings, second: settings });
  const [acme, second] = [engine.client('acme'), engine.client('second')];
  const contact = { name: 'Jane\r\nDoe', email: 'tech@acme.example', notify: true };
  const text = JSON.stringify({
    smtp: { host: '127.0.0.1', port, from: 'Waybill <waybill@ops.example>', timeoutMs: 1_000 },
    incidents: {
      lookEveryMs: 100,
      notify: [
        { format: 'email', to: ['night@ops.example'] },
        { format: 'json', url: hook.baseUrl, allowPrivateNetwork: true },
      ],
    },
    clients: { [acme.name]: { ...settings, contact }, [second.name]: settings },
  });
  const config = parseConfig(text, join(testDirectory(), 'waybill.yaml'), {});
  const log = captureLogLines();
  const logger = createLog({ level: 'debug', destination: log.stream });
  const running = monitorIncidents(config, { socketPath: testRedisPath() }, logger, retry);
  onTestFinished(() => running.stop());
  return { company, hook, acme, second, engine, log };
}

const subjectOf = ({ raw }: TakenMail) =>
  /^Subject: (.*(?:\r\n\s.*)*)/m.exec(raw)?.[1]?.replace(/\r\n\s/g, ' ');
const notTold =
  (kind: string) =>
  ({ msg, channel }: LogLine) =>
    msg === 'incident not told' && String(channel).startsWith(`${kind}:`);
const sentTo = (mails: readonly TakenMail[], address: string) =>
  mails.filter(({ to }) => to.includes(address));

test('an incident is mailed to the channel with notice, report and units, and to the contact of its client as the report', async () => {
  const server = await mailServer();
  const { company, acme, second, engine } = await failingClients(server.port);
  await acme.submit(numberedEvents('disposition_update', 2));
  await acme.settled({ dead: 2 });
  await server.taken(2);
  const [night] = sentTo(server.mails, 'night@ops.example');
  const [tech] = sentTo(server.mails, 'tech@acme.example');
  if (night === undefined || tech === undefined) throw new Error('somebody got no mail');
  const heading = `${acme.name} disposition_update: given up on 2 events`;
  expect([night, tech].map(subjectOf)).toEqual([`Waybill: ${heading}`, heading]);
  expect(tech.raw).toContain('\r\nTo: Jane Doe <tech@acme.example>\r\n');

  const [text, html, csv] = partsOf(night.raw);
  expect(text?.text).toContain(`Waybill: ${heading}\nFailing since `);
  expect(text?.text).toContain(`# Events for ${acme.name} that could not be delivered`);
  expect(text?.text).toContain(`The attached ${acme.name}-units.csv lists 2 events by unit.`);
  expect(html?.text).toContain('500 server_error: 2 events</h4>');
  expect(
    csv?.text
      .split('\r\n')
      .slice(1, 3)
      .map((line) => line.split(',')[0]),
  ).toEqual(numberedEvents('disposition_update', 2).map((event) => Object(event).optiturn_lp));
  const [report] = partsOf(tech.raw);
  expect(report?.text).toMatch(/^# Events for /);
  expect(report?.text).not.toContain('waybill report');

  // The contact hears nothing of another client.
  await second.submit(numberedEvents('disposition_update', 1));
  await second.settled({ dead: 1 });
  await server.taken(3);
  company.script(200);
  await acme.replay();
  await acme.settled({ dead: 2, delivered: 2 });
  // As if it had been well for long.
  await engine.redis.del(paceKey(dispositionsOf(acme.name)));
  await server.taken(5);
  expect(sentTo(server.mails, 'tech@acme.example').map(subjectOf)).toEqual([
    heading,
    `${acme.name} disposition_update: works again`,
  ]);
  const over = partsOf(sentTo(server.mails, 'tech@acme.example')[1]?.raw ?? '');
  expect(over.map(({ text: part }) => part.includes('It is over.'))).toEqual([true, true]);
  const ids = server.mails.map(({ raw }) => /^Message-ID:\s+(\S+)/m.exec(raw)?.[1]);
  expect(new Set(ids).size).toBe(5);
});

test('a silent server holds up no other channel and no delivery; each mail that is given up is logged with a code', async () => {
  const silent = await rawMailServer(() => {});
  const { company, hook, acme, log } = await failingClients(silent.port, {
    ...QUICK_NOTICES,
    retries: 1,
  });
  await acme.submit(numberedEvents('disposition_update', 1));
  await hook.waitFor(1, WAIT);
  expect(log.matching('incident not told')).toEqual([]);
  company.script(200);
  await acme.submit(numberedEvents('disposition_update', 3, 1));
  await acme.settled({ dead: 1, delivered: 3 });
  for (const kind of ['contact', 'email']) {
    expect(await log.waitForLine(notTold(kind))).toMatchObject({
      channel: expect.stringMatching(new RegExp(`^${kind}:127\\.0\\.0\\.1:`)),
      client: acme.name,
      code: 'MAIL_SERVER_UNAVAILABLE',
      reason: expect.stringContaining('did not take the mail within 1000 ms'),
      tries: 2,
    });
  }
});

test('a mail that is refused for now is sent again with the same id, to those who lack it; one that is refused for good is not', async () => {
  const server = await mailServer(PLAIN, { 'night@ops.example': 451, 'tech@acme.example': 550 });
  const { acme, log } = await failingClients(server.port);
  await acme.submit(numberedEvents('disposition_update', 1));
  await log.waitForLine(notTold('contact'));
  expect(log.matching('incident not told')).toMatchObject([
    { channel: expect.stringMatching(/^contact:/), code: 'MAIL_REFUSED', tries: 1 },
  ]);
  server.refused.delete('night@ops.example');
  await server.taken(1);
  expect(server.mails.map(({ to }) => to)).toEqual([['night@ops.example']]);
});
