import { expect, test } from 'vitest';
import { incidentsConfigSchema } from '../../src/config/incidents-config.ts';
import type { IncidentNotice } from '../../src/core/incident.ts';
import { noticeBody } from '../../src/incidents/notice-body.ts';
import { OPENED } from './notices.ts';

const CLOSED: IncidentNotice = {
  ...OPENED,
  kind: 'closed',
  incident: { ...OPENED.incident, left: 0, closedAt: 3_605_000, end: 'delivered' },
};
const TEXT = `Waybill: acme disposition_update: given up on 1,200 events
Failing since 1970-01-01 00:00:01Z: 422 client_error × 1000, timeout × 200
For the client's tech support: waybill report acme --type disposition_update`;

function write(format: string, notice: IncidentNotice, more: object = {}) {
  const url = 'https://hooks.acme.example/x';
  const [channel] = incidentsConfigSchema.parse({ notify: [{ format, url, ...more }] }).notify;
  if (channel === undefined) throw new Error('there is no channel');
  const { contentType, body } = noticeBody(channel, notice);
  return contentType === 'application/json' ? JSON.parse(body) : body;
}

test('each format is what its receiver takes', () => {
  expect(write('text', OPENED)).toBe(`${TEXT}\n`);
  expect(write('slack', OPENED)).toEqual({ text: TEXT });
  expect(write('teams', OPENED)).toMatchObject({
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        content: {
          type: 'AdaptiveCard',
          body: [
            { type: 'TextBlock', text: 'Waybill: acme disposition_update: given up on 1,200 events' },
            { type: 'FactSet', facts: expect.arrayContaining([{ title: 'Given up on', value: '1,200' }]) },
          ],
        },
      },
    ],
  });
  expect(write('json', OPENED)).toEqual({
    id: OPENED.id,
    event: 'incident.opened',
    at: '1970-01-01T00:00:06.000Z',
    text: TEXT,
    incident: {
      id: 'acme.disposition_update.5000',
      client: 'acme',
      type: 'disposition_update',
      openedAt: '1970-01-01T00:00:05.000Z',
      failingSince: '1970-01-01T00:00:01.000Z',
      lastAt: '1970-01-01T00:00:05.500Z',
      closedAt: null,
      end: null,
      events: 1200,
      deadLetters: 1199,
      failures: [
        { class: 'client_error', status: 422, events: 1000 },
        { class: 'timeout', status: null, events: 200 },
      ],
    },
  });
});

test('an incident that is over says why', () => {
  const discarded = { ...CLOSED, incident: { ...CLOSED.incident, end: 'discarded' as const } };
  const headings = [CLOSED, discarded].map((notice) => write('text', notice).split('\n')[0]);
  expect(headings).toEqual([
    'Waybill: acme disposition_update: works again',
    'Waybill: acme disposition_update: over, its dead letters were discarded or removed after keepDays',
  ]);
});

test('a pager gets one alert for an incident, which ends with it', () => {
  const key = { routingKey: 'r0uting' };
  const [opened, closed] = [write('pagerduty', OPENED, key), write('pagerduty', CLOSED, key)];
  expect(opened).toMatchObject({
    routing_key: 'r0uting',
    event_action: 'trigger',
    dedup_key: 'acme.disposition_update.5000',
    payload: {
      summary: expect.stringContaining('given up on 1,200 events'),
      source: 'acme',
      severity: 'error',
    },
  });
  expect(closed).toMatchObject({
    event_action: 'resolve',
    dedup_key: opened.dedup_key,
    payload: { summary: 'Waybill: acme disposition_update: works again' },
  });
});
