import { expect, test } from 'vitest';
import type { EndpointPace } from '../../src/core/endpoint-pace.ts';
import { describeQueues } from '../../src/observability/queue-metrics.ts';
import { toText } from '../../src/observability/workers-metrics.ts';
import type { EndpointView } from '../../src/queue/client-view.ts';
import { viewWith } from '../cli/watch/client-views.ts';
import { parseScrape } from '../support/prometheus-text.ts';

const pace = (change: Partial<EndpointPace>): EndpointView => {
  const whole = { state: 'open', since: 0, holds: false, holdUntil: 0, paced: 0, ...change };
  return { pace: whole, diedByClass: {}, repeats: {} } as unknown as EndpointView;
};

test('the pace of each endpoint is told by client and event type', async () => {
  const slowed = { state: 'slowed', holds: true, ratePerSecond: 287.4, paced: 3_000 } as const;
  const acme = { inventory_receipt: pace(slowed), disposition_update: pace({}) };
  const globex = { inventory_receipt: pace({ state: 'down', holds: true, paced: 40 }) };
  const views = new Map([
    ['acme', viewWith({ endpoints: acme })],
    ['globex', viewWith({ endpoints: globex })],
  ]);
  const scrape = parseScrape(await toText([describeQueues(views, new Set())]));
  const states = scrape.samples.filter(({ name, value }) => name === 'waybill_pace_state' && value === 1);
  expect(states.map(({ labels }) => Object.values(labels).join(' '))).toEqual([
    'acme inventory_receipt slowed',
    'acme disposition_update open',
    'globex inventory_receipt down',
  ]);
  expect(scrape.samples.filter(({ name }) => name === 'waybill_pace_state')).toHaveLength(12);
  const receipts = (name: string, client: string) => scrape.sum(name, { client, type: 'inventory_receipt' });
  expect(['acme', 'globex'].map((name) => receipts('waybill_pace_rate_per_second', name))).toEqual([
    287.4, 0,
  ]);
  expect(['acme', 'globex'].map((name) => receipts('waybill_paced_events', name))).toEqual([3_000, 40]);
});

test('what the events of an endpoint wait for without an attempt is told for each of its kinds', async () => {
  const waits = { ...pace({}), withheld: { for: 'proxy' } } as EndpointView;
  const endpoints = { inventory_receipt: waits, disposition_update: pace({}) };
  const scrape = parseScrape(
    await toText([describeQueues(new Map([['acme', viewWith({ endpoints })]]), new Set())]),
  );
  const told = scrape.samples.filter(({ name }) => name === 'waybill_withheld');
  expect(told).toHaveLength(6);
  expect(told.filter(({ value }) => value === 1).map(({ labels }) => labels)).toEqual([
    { client: 'acme', type: 'inventory_receipt', for: 'proxy' },
  ]);
});

test('repeats are told for each of their causes, also for one that never came about', async () => {
  const repeated = { ...pace({}), repeats: { taken_over: 50, resent: 2 } };
  const endpoints = { inventory_receipt: repeated, disposition_update: pace({}) };
  const scrape = parseScrape(
    await toText([describeQueues(new Map([['acme', viewWith({ endpoints })]]), new Set())]),
  );
  const told = scrape.samples.filter(({ name }) => name === 'waybill_repeats_total');
  expect(told.map(({ labels: { client, type, cause }, value }) => [client, type, cause, value])).toEqual([
    ['acme', 'inventory_receipt', 'taken_over', 50],
    ['acme', 'inventory_receipt', 'resent', 2],
    ['acme', 'inventory_receipt', 'called_off', 0],
    ['acme', 'disposition_update', 'taken_over', 0],
    ['acme', 'disposition_update', 'resent', 0],
    ['acme', 'disposition_update', 'called_off', 0],
  ]);
});
