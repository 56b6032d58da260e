import type { SMTPServerOptions } from 'smtp-server';
import { expect, test } from 'vitest';
import { type SmtpConfig, smtpConfigSchema } from '../../src/config/smtp-config.ts';
import { type Mail, MailError, sendMail } from '../../src/incidents/send-mail.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { mailServer, PLAIN, partsOf, rawMailServer, refusal, signIn } from '../support/mail-server.ts';
import { testCertificates } from '../support/tls.ts';

failOnLeaks();

const PASSWORD = 'a-secret pass';

const MAIL: Mail = {
  id: '0123abcd',
  to: [{ name: 'Tech support', address: 'tech@acme.example' }],
  subject: 'Nothing is delivered',
  text: 'It is down.\n',
  html: '<p>It is down.</p>',
  attachments: [{ filename: 'acme-units.csv', content: 'unit\r\nLP1\r\n' }],
};

function smtp(port: number, more: object = {}): SmtpConfig {
  return smtpConfigSchema.parse({
    ...{ host: '127.0.0.1', port, from: 'Acme Returns <waybill@acme.example>' },
    ...more,
  });
}

const credentials = { user: 'waybill', password: PASSWORD };

/** What a mail is refused with. */
async function errorOf(sent: Promise<void>): Promise<MailError> {
  const error = await sent.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof MailError) return error;
  throw error ?? new Error('the mail was taken');
}

test('a mail arrives as text, HTML and attachment, from and to whom it says', async () => {
  const server = await mailServer();
  await sendMail(smtp(server.port), MAIL);
  const [mail] = server.mails;
  expect(mail).toMatchObject({ from: 'waybill@acme.example', to: ['tech@acme.example'], secure: false });
  const headers = mail?.raw.split('\r\n\r\n')[0] ?? '';
  for (const line of [
    'From: Acme Returns <waybill@acme.example>',
    'To: Tech support <tech@acme.example>',
    'Subject: Nothing is delivered',
    'Message-ID: <0123abcd@acme.example>',
    'Auto-Submitted: auto-generated',
  ])
    expect(headers.split('\r\n')).toContain(line);
  const parts = partsOf(mail?.raw ?? '');
  expect(parts.map(({ text }) => text.trim())).toEqual(['It is down.', '<p>It is down.</p>', 'unit\r\nLP1']);
  expect(parts[2]?.headers).toMatch(/filename=acme-units\.csv/);
});

test('the password is sent without TLS to loopback only', async () => {
  const server = await mailServer({ ...PLAIN, allowInsecureAuth: true, ...signIn(PASSWORD) });
  await sendMail(smtp(server.port, credentials), MAIL);
  expect(server.mails).toMatchObject([{ user: 'waybill', secure: false }]);
  // It leads here as well, but is not called loopback.
  const error = await errorOf(sendMail(smtp(server.port, { ...credentials, host: '0.0.0.0' }), MAIL));
  expect(error).toMatchObject({ code: 'MAIL_TLS_FAILED', mayPass: true });
  expect(error.message).toMatch(
    /^0\.0\.0\.0:\d+ does not do STARTTLS, and no password is sent without it: 5/,
  );
  await sendMail(smtp(server.port, { host: '0.0.0.0' }), MAIL);
  expect(server.mails.map(({ user }) => user)).toEqual(['waybill', undefined]);
});

test('a certificate that is not trusted ends it before the password is sent, with STARTTLS and with TLS from the start', async () => {
  const { valid } = await testCertificates();
  const asked: string[] = [];
  const options: SMTPServerOptions = {
    ...valid,
    onAuth(auth, _session, done) {
      asked.push(auth.password ?? '');
      done(null, { user: 'waybill' });
    },
  };
  const later = await mailServer(options);
  const atOnce = await mailServer({ ...options, secure: true });
  for (const settings of [
    smtp(later.port, credentials),
    smtp(atOnce.port, { ...credentials, secure: true }),
  ]) {
    const error = await errorOf(sendMail(settings, MAIL));
    expect(error.code).toBe('MAIL_TLS_FAILED');
    expect(error.message).toMatch(/^no TLS connection to 127\.0\.0\.1:\d+: its certificate is .*UNABLE_TO_/);
  }
  expect([asked, later.mails, atOnce.mails]).toEqual([[], [], []]);
});

test('credentials that are refused are named by their settings, and what the server repeats of them is masked', async () => {
  const server = await mailServer({ ...PLAIN, allowInsecureAuth: true, ...signIn('another') });
  const error = await errorOf(sendMail(smtp(server.port, credentials), MAIL));
  expect(error).toMatchObject({ code: 'MAIL_AUTH_REFUSED', mayPass: false });
  expect(error.message).toMatch(/refused smtp\.user and smtp\.password: 535 not with \*\*\*$/);
});

test('a server that takes no password is not given the mail', async () => {
  const server = await mailServer({ ...PLAIN, disabledCommands: ['STARTTLS', 'AUTH'] });
  const error = await errorOf(sendMail(smtp(server.port, credentials), MAIL));
  expect([error.code, server.mails]).toEqual(['MAIL_AUTH_REFUSED', []]);
});

test('a recipient that is refused for good or for now is told apart, and the others get the mail once', async () => {
  const server = await mailServer(PLAIN, { 'gone@acme.example': 550, 'full@acme.example': 452 });
  const to = (...names: string[]) => ({
    ...MAIL,
    to: names.map((name) => ({ address: `${name}@acme.example` })),
  });
  const gone = await errorOf(sendMail(smtp(server.port), to('gone')));
  expect(gone).toMatchObject({ code: 'MAIL_REFUSED', mayPass: false, left: ['gone@acme.example'] });
  expect(gone.message).toMatch(
    /^127\.0\.0\.1:\d+ refused the recipient: 550 <gone@acme\.example> is not taken$/,
  );
  const both = await errorOf(sendMail(smtp(server.port), to('tech', 'gone', 'full')));
  expect(both).toMatchObject({ mayPass: true, left: ['gone@acme.example', 'full@acme.example'] });
  server.refused.clear();
  await sendMail(smtp(server.port), to('tech', 'gone', 'full'), undefined, both.left);
  expect(server.mails.map((mail) => mail.to)).toEqual([['tech@acme.example'], both.left]);
  expect(server.mails[1]?.raw).toContain('To: tech@acme.example, gone@acme.example, full@acme.example');
});

test('a mail that is refused after it was read is refused for good', async () => {
  const strict = await mailServer({
    ...PLAIN,
    onData(stream, _session, done) {
      stream.resume().on('end', () => done(refusal(554, 'this is spam')));
    },
  });
  expect(await errorOf(sendMail(smtp(strict.port), MAIL))).toMatchObject({
    code: 'MAIL_REFUSED',
    mayPass: false,
    message: `127.0.0.1:${strict.port} refused the mail: 554 this is spam`,
  });
});

/** The answers of a server up to the one that it closes instead of. */
const CONVERSATION = ['220 hello\r\n', '250 mail\r\n', '250 ok\r\n', '250 ok\r\n', '354 go on\r\n'];

test.each(CONVERSATION.map((_, at) => at).concat(CONVERSATION.length))(
  'a server that closes after %i answers is told of as one that may come back',
  async (count) => {
    const server = await rawMailServer((socket) => {
      const answers = CONVERSATION.slice(0, count);
      const next = (): void => {
        const answer = answers.shift();
        if (answer === undefined) socket.end();
        else socket.write(answer);
      };
      next();
      // The body, in any number of pieces, is answered once.
      socket.on('data', next);
    });
    const error = await errorOf(sendMail(smtp(server.port), MAIL));
    expect(error).toMatchObject({ code: 'MAIL_SERVER_UNAVAILABLE', mayPass: true });
    expect(error.message).toContain(`127.0.0.1:${server.port} closed the connection before it had answered`);
  },
);

test('a server that says nothing, or no more, is waited for no longer than timeoutMs', async () => {
  const silent = await rawMailServer(() => {});
  const halting = await rawMailServer((socket) => socket.write('220 hello\r\n'));
  for (const { port } of [silent, halting]) {
    const error = await errorOf(sendMail(smtp(port, { timeoutMs: 200 }), MAIL));
    expect(error.code).toBe('MAIL_SERVER_UNAVAILABLE');
    expect(error.message).toBe(`127.0.0.1:${port} did not take the mail within 200 ms`);
  }
});

test('a server that is not there, is not one for mail or does not begin with TLS is named as such', async () => {
  const gone = await rawMailServer((socket) => socket.destroy());
  const web = await rawMailServer((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const plain = await mailServer();
  const refused = await errorOf(sendMail(smtp(1), MAIL));
  expect(refused).toMatchObject({ code: 'MAIL_SERVER_UNAVAILABLE' });
  expect(refused.message).toBe('no connection to 127.0.0.1:1 (ECONNREFUSED)');
  expect(await errorOf(sendMail(smtp(gone.port), MAIL))).toMatchObject({ code: 'MAIL_SERVER_UNAVAILABLE' });
  expect((await errorOf(sendMail(smtp(web.port), MAIL))).message).toContain(
    'is no mail server: HTTP/1.1 400',
  );
  const late = await errorOf(sendMail(smtp(plain.port, { secure: true }), MAIL));
  expect(late.code).toBe('MAIL_TLS_FAILED');
  expect(late.message).toContain('does not begin with TLS: leave out smtp.secure, or take port 465');
});

test('sending ends when it is called off, with the reason', async () => {
  const silent = await rawMailServer(() => {});
  const stop = new AbortController();
  const sent = sendMail(smtp(silent.port), MAIL, stop.signal);
  stop.abort(new Error('stopped'));
  await expect(sent).rejects.toThrow('stopped');
});

test('line breaks in names and subject begin no header, and add no recipient', async () => {
  const server = await mailServer();
  const evil = '\r\nBcc: mallory@evil.example\nX-Evil: yes\r\n\r\nbody\u2028\u0000';
  await sendMail(smtp(server.port, { from: '"Acme, Returns" <waybill@acme.example>' }), {
    ...MAIL,
    to: [{ name: `Tech${evil}`, address: 'tech@acme.example' }],
    subject: `Down${evil}`,
  });
  const [mail] = server.mails;
  expect(mail?.to).toEqual(['tech@acme.example']);
  const names = (mail?.raw.split('\r\n\r\n')[0] ?? '').match(/^[\w-]+(?=:)/gm) ?? [];
  expect(names.sort()).toEqual([
    ...['Auto-Submitted', 'Content-Type', 'Date', 'From', 'MIME-Version', 'Message-ID', 'Subject', 'To'],
  ]);
  expect(mail?.raw).toContain('From: "Acme, Returns" <waybill@acme.example>');
});
