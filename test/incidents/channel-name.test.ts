import { expect, test } from 'vitest';
import { incidentsConfigSchema } from '../../src/config/incidents-config.ts';
import { smtpConfigSchema } from '../../src/config/smtp-config.ts';
import { MailChannel } from '../../src/incidents/mail-channel.ts';
import { HttpNoticeChannel, NOTICE_RETRY } from '../../src/incidents/notice-channel.ts';

function nameOf(channel: object): string {
  const [parsed] = incidentsConfigSchema.parse({ notify: [channel] }).notify;
  if (parsed === undefined || parsed.format === 'email') throw new Error('there is no such channel');
  return new HttpNoticeChannel(parsed, NOTICE_RETRY).name;
}

function nameOfMail(address: string, client?: string): string {
  const smtp = smtpConfigSchema.parse({ host: 'mail.acme.example', from: 'waybill@acme.example' });
  const own = client === undefined ? {} : { client };
  const to = [{ address }];
  const makeReport = () => Promise.reject(new Error('not asked for'));
  return new MailChannel({ smtp, to, retry: NOTICE_RETRY, makeReport, ...own }).name;
}

test('a channel is known by what makes it another one, and its name tells nothing of its secrets', () => {
  const url = 'https://hooks.acme.example/services/t0p-s3cret';
  const pager = { format: 'pagerduty', url };
  const names = [
    nameOf({ format: 'slack', url }),
    nameOf({ format: 'slack', url: `${url}2` }),
    nameOf({ format: 'json', url, headers: { authorization: 'Bearer s3cret' } }),
    nameOf({ ...pager, routingKey: 's3cret-key-of-one-team' }),
    nameOf({ ...pager, routingKey: 's3cret-key-of-another' }),
    nameOfMail('s3cret@acme.example'),
    nameOfMail('other@acme.example'),
    nameOfMail('other@acme.example', 'acme'),
    nameOfMail('other@acme.example', 'second'),
  ];
  expect(new Set(names).size).toBe(names.length);
  expect(names.join()).not.toMatch(/s3cret/);
  expect(names[6]).toMatch(/^email:mail\.acme\.example:[0-9a-f]{8}$/);
  expect(names[7]).toMatch(/^contact:mail\.acme\.example:[0-9a-f]{8}$/);
  expect(names[0]).toMatch(/^slack:hooks\.acme\.example:[0-9a-f]{8}$/);
});
