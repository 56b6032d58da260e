import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import { toMailbox } from '../../src/config/smtp-config.ts';
import { FILE, MINIMAL, problemsOf, withClient } from '../support/config-problems.ts';

const NEEDS = 'needs the section smtp, the server that mail is sent by';

test('the settings of mail have defaults', () => {
  const text = `${MINIMAL}
smtp: { host: mail.acme.example, from: waybill@acme.example }
incidents: { notify: [{ format: email, to: [night@acme.example] }] }
`;
  const { smtp, incidents } = parseConfig(text, FILE, {});
  expect(smtp).toEqual({
    ...{ host: 'mail.acme.example', port: 587, secure: false },
    ...{ from: 'waybill@acme.example', timeoutMs: 30_000 },
  });
  expect(incidents.notify).toEqual([{ format: 'email', to: ['night@acme.example'] }]);
});

test('whoever is to be mailed needs a server and an address', () => {
  const notify = 'incidents: { notify: [{ format: email, to: [night@acme.example] }] }';
  expect(problemsOf(`${MINIMAL}\n${notify}`)).toEqual([`8 $.incidents.notify[0].format ${NEEDS}`]);
  const contact = (settings: string) => problemsOf(withClient(`contact: { ${settings} }`));
  expect(contact('notify: true, email: tech@acme.example')).toEqual([
    `1 $.clients.acme.contact.notify ${NEEDS}`,
  ]);
  expect(
    problemsOf(`${withClient('contact: { notify: true }')}
smtp: { host: mail.acme.example, from: waybill@acme.example }`),
  ).toEqual(['1 $.clients.acme.contact.email is required if notify is true']);
  expect(parseConfig(withClient('contact: { name: Jane Doe }'), FILE).clients['acme']?.contact).toEqual({
    name: 'Jane Doe',
    notify: false,
  });
});

test('notify may stand in defaults, and is told of there once', () => {
  const clients = ['acme', 'second']
    .map((name) => `  ${name}: { baseUrl: "https://x.example", endpoints: { disposition_update: /d } }`)
    .join('\n');
  expect(
    problemsOf(`defaults: { contact: { notify: true, email: tech@acme.example } }\nclients:\n${clients}`),
  ).toEqual([`1 $.defaults.contact.notify ${NEEDS} (affects 2 places)`]);
});

test('a server has a host, whole credentials and a sender', () => {
  const smtp = (settings: string) =>
    problemsOf(`${MINIMAL}\nsmtp: { ${settings} }`, { S: 'secret\n' }).map((problem) =>
      problem.replace(/^\d+ /, ''),
    );
  const from = 'from: waybill@acme.example';
  expect(smtp('from: nobody, host: "smtp://mail.acme.example"')).toEqual([
    '$.smtp.host must be the name or address of a host, such as mail.acme.example',
    '$.smtp.from must be an email address, or Name <address>',
  ]);
  expect(smtp(`host: 127.0.0.1, user: waybill, ${from}`)).toEqual([
    '$.smtp.password is required beside user',
  ]);
  expect(smtp(`host: "::1", password: secret, ${from}`)).toEqual(['$.smtp.user is required beside password']);
  expect(smtp(`host: localhost, user: waybill, password: "\${S}", ${from}`)).toEqual([
    expect.stringMatching(/^\$\.smtp\.password must not end in a line break/),
  ]);
  expect(smtp('host: localhost, from: "Acme\\r\\nBcc: x <waybill@acme.example>"')).toEqual([
    expect.stringMatching(/^\$\.smtp\.from must not hold a line break/),
  ]);
});

test.each([
  ['waybill@acme.example', { address: 'waybill@acme.example' }],
  ['<waybill@acme.example>', { address: 'waybill@acme.example' }],
  ['Acme Returns <waybill@acme.example>', { name: 'Acme Returns', address: 'waybill@acme.example' }],
  ['"Acme, Returns" <waybill@acme.example>', { name: 'Acme, Returns', address: 'waybill@acme.example' }],
])('%s is read as a name and an address', (text, mailbox) => {
  expect(toMailbox(text)).toEqual(mailbox);
});
