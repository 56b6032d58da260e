import { expect, test } from 'vitest';
import type { WatchTick } from '../../../src/cli/watch/client-news.ts';
import { plainLines, tickValue } from '../../../src/cli/watch/plain-lines.ts';
import type { EndpointView } from '../../../src/queue/client-view.ts';
import { viewWith } from './client-views.ts';

const NOW = Date.parse('2026-03-01T14:03:07Z');
const TIME = '2026-03-01 14:03:07Z';

function tickWith(waiting: number, more: Partial<WatchTick> = {}): WatchTick {
  const poll = (client: string, events: number) => ({
    ...{ client, view: viewWith({ waiting: events }) },
  });
  return { at: NOW, services: 1, news: [poll('acme', waiting), poll('acme-outlet', 0)], ...more };
}

test('a client has a line when something changed, and at first when there is something to tell', () => {
  const line = (waiting: string) =>
    `${TIME}  acme  waiting ${waiting}, in flight 0, retrying 0, dead 0, delivered 0 in all`;
  expect(plainLines(tickWith(1_200), undefined)).toEqual([line('1,200')]);
  expect(plainLines(tickWith(1_200), tickWith(1_200))).toEqual([]);
  expect(plainLines(tickWith(0), tickWith(1_200))).toEqual([line('0')]);
});

test('Redis that goes away and comes back has a line each, however long it is away', () => {
  const away = tickWith(5, { away: { since: NOW, reason: 'Redis cannot be reached: it does not answer' } });
  expect(plainLines(away, tickWith(5))).toEqual([`${TIME}  Redis cannot be reached: it does not answer`]);
  expect(plainLines(away, away)).toEqual([]);
  expect(plainLines(tickWith(5), away)).toEqual([`${TIME}  Redis is back`]);
});

test('a service that stopped, or never ran, is told once, since nothing is delivered then', () => {
  const without = (waiting: number) => tickWith(waiting, { services: 0 });
  const told = `${TIME}  No service is running: nothing is delivered until "waybill start"`;
  expect(plainLines(without(0), undefined)).toEqual([told]);
  expect(plainLines(without(5), tickWith(5))).toEqual([told]);
  expect(plainLines(without(5), without(5))).toEqual([]);
  expect(plainLines(tickWith(5), without(5))).toEqual([]);
});

test('an endpoint that changes its state is news, and a headline says what is wrong with all', () => {
  const tickOf = (state: 'open' | 'down') => {
    const pace = { state, since: NOW - 60_000, holds: true, holdUntil: 0, paced: 5 };
    const view = viewWith({ waiting: 5, endpoints: { disposition_update: { pace } as EndpointView } });
    return tickWith(0, { news: [{ client: 'acme', view }] });
  };
  const counts = 'waiting 5, in flight 0, retrying 0, dead 0, delivered 0 in all';
  const down = `${TIME}  acme  ${counts}; disposition_update down 1 min; 5 wait`;
  expect(plainLines(tickOf('down'), tickOf('open'))).toEqual([
    `${TIME}  1 endpoint down; 5 events wait`,
    down,
  ]);
  expect(plainLines(tickOf('down'), tickOf('down'))).toEqual([]);
  expect(plainLines(tickOf('open'), tickOf('down'))).toEqual([
    `${TIME}  nothing is wrong with any endpoint now`,
    `${TIME}  acme  ${counts}`,
  ]);
});

test('a line has the counts of status, then rates, then what is wrong and what was delivered since', () => {
  const rates = { acceptedPerSecond: 20, deliveredPerSecond: 0.25, failedPerSecond: 15, attemptMs: 34.4 };
  const lastError = {
    ...{ at: NOW - 3_400, event: 'e', type: 'disposition_update', attempt: 2, deliveredSince: 1_204 },
    ...{ status: 503, class: 'server_error', detail: 'try\nlater' },
  };
  const counts = {
    waiting: 12_345,
    oldestMs: 200_000,
    inFlight: 16,
    retrying: 60,
    dead: 7,
    delivered: 1_378,
  };
  const view = viewWith({ ...counts, incidents: ['disposition_update'], pausedAt: NOW, lastError });
  expect(plainLines(tickWith(0, { news: [{ client: 'acme', view, rates }] }), undefined)).toEqual([
    `${TIME}  acme  waiting 12,345 (oldest 3 min), in flight 16, retrying 60, dead 7, delivered 1,378 in all; ` +
      'accepted 20/s, delivered 0.3/s, failed attempts 15/s, mean attempt 34 ms; open incidents 1, paused, ' +
      'last error 503 (server_error), 3 s ago, 1,204 delivered since: try later',
  ]);
});

test('a value has the same names, and says what was delivered since the last error', () => {
  const told = { event: 'e', type: 'disposition_update', attempt: 2, class: 'timeout', detail: '' };
  const lastError = { ...told, at: NOW, status: 0, deliveredSince: 12 };
  const view = viewWith({ waiting: 3, delivered: 5, lastError });
  const rates = { acceptedPerSecond: 20, deliveredPerSecond: 0, failedPerSecond: 1.5 };
  expect(tickValue(tickWith(0, { news: [{ client: 'acme', view, rates }] })).clients).toEqual({
    acme: {
      ...{ acceptedPerSecond: 20, deliveredPerSecond: 0, failedAttemptsPerSecond: 1.5, attemptMs: null },
      ...{
        waiting: 3,
        inFlight: 0,
        retrying: 0,
        oldestMs: 0,
        dead: 0,
        delivered: 5,
        broken: 0,
        incidents: 0,
      },
      ...{ pausedAt: null, endpoints: {} },
      lastError: { ...told, at: '2026-03-01T14:03:07.000Z', status: null, deliveredSince: 12 },
    },
  });
});
