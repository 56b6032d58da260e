import { expect, test } from 'vitest';
import type { EndpointPace } from '../../src/core/endpoint-pace.ts';
import { describeQueues } from '../../src/observability/queue-metrics.ts';
import { toText } from '../../src/observability/workers-metrics.ts';
import type { EndpointView } from '../../src/queue/client-view.ts';
import { viewWith } from '../cli/watch/client-views.ts';
import { parseScrape } from '../support/prometheus-text.ts';

const pace = (change: Partial<EndpointPace>): EndpointView => {
  const whole = { state: 'open', since: 0, holds: false, holdUntil: 0, paced: 0, ...change };
  return { pace: whole, diedByClass: {} } as EndpointView;
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
