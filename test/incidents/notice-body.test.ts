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
  if (channel === undefined || channel.format === 'email') throw new Error('there is no such channel');
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
      cause: 'died',
      openedAt: '1970-01-01T00:00:05.000Z',
      failingSince: '1970-01-01T00:00:01.000Z',
      lastAt: '1970-01-01T00:00:05.500Z',
      closedAt: null,
      end: null,
      state: 'open',
      downSince: null,
      waiting: 30,
      events: 1200,
      diedAgain: 0,
      deadLetters: 1199,
      failures: [
        { class: 'client_error', status: 422, events: 1000 },
        { class: 'timeout', status: null, events: 200 },
      ],
    },
  });
});

test('an endpoint that is down says since when, and what waits, also before an event was given up on', () => {
  const incident = {
    ...OPENED.incident,
    cause: 'down',
    state: 'down',
    downFrom: 1_000,
    waiting: 12_400,
  } as const;
  const none = { ...incident, count: 0, left: 0, lastAt: 0, failures: [] };
  expect(write('text', { ...OPENED, incident: none }).split('\n')).toEqual([
    'Waybill: acme disposition_update: down since 1970-01-01 00:00:01Z: nothing was delivered; 12,400 events wait (none given up on yet)',
    'Failing since 1970-01-01 00:00:01Z',
    "For the client's tech support: waybill report acme --type disposition_update",
    '',
  ]);
  expect(write('json', { ...OPENED, incident: none })).toMatchObject({
    incident: { lastAt: null, state: 'down', downSince: '1970-01-01T00:00:01.000Z', waiting: 12_400 },
  });
  const again = { ...incident, diedAgain: 1_000 };
  expect(write('text', { ...OPENED, kind: 'grew', incident: again })).toContain(
    'grown tenfold, given up on 1,200 events (1,000 times again after a replay); down since 1970-01-01 00:00:01Z: nothing was delivered; 12,400 events wait\n',
  );
});

test('an incident that is over says why', () => {
  const discarded = { ...CLOSED, incident: { ...CLOSED.incident, end: 'discarded' as const } };
  const headings = [CLOSED, discarded].map((notice) => write('text', notice).split('\n')[0]);
  expect(headings).toEqual([
    'Waybill: acme disposition_update: works again',
    'Waybill: acme disposition_update: over, its dead letters were discarded or removed after keepDays',
  ]);
  const quiet = { ...CLOSED.incident, end: 'quiet' as const, count: 0 } as IncidentNotice['incident'];
  const [heading, , last] = write('text', { ...CLOSED, incident: quiet }).split('\n');
  expect(heading).toBe('Waybill: acme disposition_update: over, nothing fails any more');
  expect(last).toContain(', no event was given up on');
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
