import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { mailServer, partsOf, signIn } from '../support/mail-server.ts';
import { canMakeTerminals, startScript } from '../support/pseudo-terminal.ts';
import { testRedisPath } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { testCertificates } from '../support/tls.ts';
import { runWaybill, testDirectory } from '../support/waybill-process.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const PASSWORD = 'a-secret-pass';

/** A client with two dead letters, and a mail server that wants TLS and a password. */
async function failedClient(contact: object = { name: 'Jane Doe', email: 'tech@acme.example' }) {
  const company = await testSandbox().company('acme', { script: 500 });
  const settings = company.clientSettings({ retry: { ...QUICK_RETRIES, retries: 0 }, contact });
  const engine = await testEngine({ acme: settings });
  const client = engine.client();
  const events = numberedEvents('disposition_update', 2);
  await client.submit(events.map((event) => ({ ...event, user_login: 'jane_roe' })));
  await client.settled({ dead: 2 });
  const { valid, ca } = await testCertificates();
  const server = await mailServer({ ...valid, ...signIn(PASSWORD) }, { 'gone@acme.example': 550 });
  const directory = testDirectory();
  writeFileSync(join(directory, 'ca.pem'), ca);
  const config = (smtp?: object, contactNow: object = contact) => {
    const clients = { [client.name]: { ...settings, contact: contactNow } };
    const text = stringify({ redis: { url: testRedisPath() }, clients, ...(smtp && { smtp }) });
    writeFileSync(join(directory, 'waybill.yaml'), text);
  };
  const smtp = { host: '127.0.0.1', port: server.port, user: 'waybill', from: 'waybill@ops.example' };
  const withPassword = { ...smtp, password: '${SMTP_PASSWORD}' };
  config(withPassword);
  const env = { NODE_EXTRA_CA_CERTS: join(directory, 'ca.pem'), SMTP_PASSWORD: PASSWORD };
  const send = (...args: string[]) =>
    runWaybill(['report', client.name, '--send', ...args], { directory, env });
  return { client, server, config, send, directory, withPassword };
}

test('report --send mails the report and the units, by STARTTLS and with a password, to the contact or to --to', async () => {
  const { client, server, send } = await failedClient();
  expect(await send('--yes')).toMatchObject({
    code: 0,
    stdout: 'The report of 2 events was sent to tech@acme.example.\n',
    stderr: '',
  });
  const json = await send('--yes', '--json', '--to', 'other@acme.example');
  expect(JSON.parse(json.stdout)).toEqual({ sent: true, to: 'other@acme.example', events: 2, units: 2 });
  expect(server.mails).toMatchObject([
    { to: ['tech@acme.example'], secure: true, user: 'waybill' },
    { to: ['other@acme.example'], secure: true },
  ]);
  const raw = server.mails[0]?.raw ?? '';
  expect(raw).toContain('\r\nTo: Jane Doe <tech@acme.example>\r\n');
  expect(server.mails[1]?.raw).toContain('\r\nTo: other@acme.example\r\n');
  expect(raw).toContain(`\r\nSubject: Events for ${client.name} that could not be delivered\r\n`);
  const [text, html, csv] = partsOf(raw);
  expect(text?.text).toContain('500 server_error: 2 events');
  expect(html?.text).toContain('<!doctype html>');
  expect(csv?.text.split('\r\n')).toHaveLength(4);
  expect(
    partsOf(raw)
      .map((part) => part.text)
      .join(),
  ).not.toContain('jane_roe');
});

test('report --send says what it lacks: agreement, a server, an address', async () => {
  const { client, server, config, send } = await failedClient({ name: 'Jane Doe' });
  const lack = async (...args: string[]) => {
    const { code, stderr } = await send(...args);
    return [code, stderr.trim()];
  };
  expect(await lack('--yes')).toEqual([
    2,
    `waybill: client "${client.name}" has no contact.email: --to says whom to send to`,
  ]);
  expect(await lack('--to', 'tech@acme.example')).toEqual([
    2,
    'waybill: --yes is needed to send the report of 2 events to tech@acme.example without a terminal',
  ]);
  expect(await lack('--to', 'tech@acme.example\nBcc: x@evil.example', '--yes')).toEqual([
    2,
    expect.stringContaining('expected: an email address'),
  ]);
  expect(await lack('--output', 'file')).toEqual([2, expect.stringContaining('cannot be used with option')]);
  config();
  expect(await lack('--yes')).toEqual([2, expect.stringMatching(/has no section smtp, which --send takes$/)]);
  expect(server.mails).toEqual([]);
});

test.skipIf(!canMakeTerminals())(
  'in a terminal report --send asks first; anything but yes sends nothing',
  async () => {
    const { client, server, config, directory, withPassword } = await failedClient();
    config({ ...withPassword, password: PASSWORD });
    const command = [process.execPath, MAIN, 'report', client.name, '--send']
      .map((word) => `"${word}"`)
      .join(' ');
    const answer = async (keys: string) => {
      const terminal = startScript(`NODE_EXTRA_CA_CERTS=ca.pem ${command}`, directory);
      await terminal.shows(/^Send the report of 2 events to tech@acme\.example by 127\.0\.0\.1\? \[y\/N\]/m);
      terminal.type(keys);
      return [await terminal.exit, terminal.rows().join('\n')];
    };
    expect(await answer('n\r')).toEqual([0, expect.stringContaining('Nothing is sent.')]);
    expect(server.mails).toEqual([]);
    expect(await answer('y\r')).toEqual([0, expect.stringContaining('was sent to tech@acme.example.')]);
    expect(server.mails).toMatchObject([{ to: ['tech@acme.example'], secure: true }]);
  },
);

test('a mail that is not sent is told with a code and without the password', async () => {
  const { server, config, send, withPassword } = await failedClient();
  const gone = await send('--yes', '--json', '--to', 'gone@acme.example');
  expect([gone.code, JSON.parse(gone.stdout).error]).toEqual([
    3,
    {
      code: 'MAIL_REFUSED',
      message: `127.0.0.1:${server.port} refused the recipient: 550 <gone@acme.example> is not taken`,
    },
  ]);
  config({ ...withPassword, password: 'another-pass' });
  const refused = await send('--yes');
  expect(refused).toMatchObject({ code: 3, stdout: '' });
  expect(refused.stderr).toContain('refused smtp.user and smtp.password: 535 not with ***');
  expect(refused.stderr).not.toContain('another-pass');
});

test('check names mail that has no server', async () => {
  const { directory, client, config } = await failedClient();
  config(undefined, { email: 'tech@acme.example', notify: true });
  const { code, stdout } = await runWaybill(['check'], { directory });
  expect(code).toBe(2);
  expect(stdout).toContain(
    `$.clients["${client.name}"].contact.notify needs the section smtp, the server that mail is sent by`,
  );
});
