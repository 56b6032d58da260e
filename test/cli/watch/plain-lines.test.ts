import { expect, test } from 'vitest';
import type { WatchTick } from '../../../src/cli/watch/client-news.ts';
import { plainLines } from '../../../src/cli/watch/plain-lines.ts';
import type { EndpointView } from '../../../src/queue/client-view.ts';
import { viewWith } from './client-views.ts';

const NOW = Date.parse('2026-03-01T14:03:07Z');
const TIME = '2026-03-01 14:03:07Z';

function tickWith(waiting: number, more: Partial<WatchTick> = {}): WatchTick {
  const poll = (client: string, events: number) => ({
    ...{ client, view: viewWith({ waiting: events }), backlog: events },
  });
  return { at: NOW, services: 1, news: [poll('acme', waiting), poll('acme-outlet', 0)], ...more };
}

test('a client has a line when something changed, and at first when there is something to tell', () => {
  const line = (backlog: string) => `${TIME}  acme  backlog ${backlog}, retrying 0, dead 0`;
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
    return tickWith(0, { news: [{ client: 'acme', view, backlog: 5 }] });
  };
  const down = `${TIME}  acme  backlog 5, retrying 0, dead 0, disposition_update down 1 min; 5 wait`;
  expect(plainLines(tickOf('down'), tickOf('open'))).toEqual([
    `${TIME}  1 endpoint down; 5 events wait`,
    down,
  ]);
  expect(plainLines(tickOf('down'), tickOf('down'))).toEqual([]);
  expect(plainLines(tickOf('open'), tickOf('down'))).toEqual([
    `${TIME}  nothing is wrong with any endpoint now`,
    `${TIME}  acme  backlog 5, retrying 0, dead 0`,
  ]);
});
