import { expect, test } from 'vitest';
import { incidentsConfigSchema } from '../../src/config/incidents-config.ts';
import { NOTICE_RETRY, NoticeChannel } from '../../src/incidents/notice-channel.ts';

function nameOf(channel: object): string {
  const [parsed] = incidentsConfigSchema.parse({ notify: [channel] }).notify;
  if (parsed === undefined) throw new Error('there is no channel');
  return new NoticeChannel(parsed, NOTICE_RETRY).name;
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
  ];
  expect(new Set(names).size).toBe(names.length);
  expect(names.join()).not.toMatch(/s3cret/);
  expect(names[0]).toMatch(/^slack:hooks\.acme\.example:[0-9a-f]{8}$/);
});
