import { expect, test } from 'vitest';
import { DeliveryMeter } from '../../src/core/delivery-meter.ts';
import type { Metric } from '../../src/core/metric.ts';
import { describeDeliveries } from '../../src/observability/delivery-metrics.ts';
import { type ReportingWorker, toText, WorkersMetrics } from '../../src/observability/workers-metrics.ts';
import { parseScrape } from '../support/prometheus-text.ts';

const AT = 1_000;
const EVENT = {
  id: '00000000-03e8-7000-8000-000000000000',
  type: 'disposition_update',
  unit: 'u',
  body: '{}',
};
const DELIVERED = { kind: 'delivered', status: 200 } as const;

/** A worker that counts, and reports it while it answers. */
function testWorker() {
  const client = new DeliveryMeter();
  let latest: readonly Metric[] | undefined;
  let end = (_: { code: number | null }): void => {};
  const worker: ReportingWorker & { answers: boolean } = {
    answers: true,
    ready: Promise.resolve(),
    exit: new Promise((resolve) => {
      end = resolve;
    }),
    get latestReport() {
      return latest;
    },
    async askReport() {
      if (worker.answers) latest = describeDeliveries(client);
      return worker.answers;
    },
  };
  const acme = client.client('acme');
  const deliver = (count: number): void => {
    for (let i = 0; i < count; i += 1) acme.attempted(EVENT, DELIVERED, DELIVERED, 4, AT + 4);
  };
  const exit = async (code: number | null): Promise<void> => {
    end({ code });
    await worker.exit;
  };
  return { worker, deliver, begin: () => acme.begin(), exit };
}

test('a silent worker counts with its latest report, an ended one with its last; no sum goes down', async () => {
  const [one, other] = [testWorker(), testWorker()];
  const workers = new WorkersMetrics();
  workers.add(one.worker);
  workers.add(other.worker);
  await one.worker.ready;
  const read = async () => {
    const { metrics, silent } = await workers.collect(1);
    const scrape = parseScrape(await toText(metrics));
    const sums = ['delivery_attempts_total', 'delivery_duration_seconds_count', 'requests_in_flight'];
    return [...sums.map((name) => scrape.sum(`waybill_${name}`)), silent];
  };
  one.deliver(3);
  one.begin();
  other.deliver(5);
  other.begin();
  expect(await read()).toEqual([8, 8, 2, 0]);

  other.worker.answers = false;
  one.deliver(1);
  expect(await read()).toEqual([9, 9, 2, 1]);

  await other.exit(null);
  await one.exit(0);
  expect(await read()).toEqual([9, 9, 0, 0]);
  expect([workers.alive, workers.lost]).toEqual([0, 1]);

  const successor = testWorker();
  workers.add(successor.worker);
  await successor.worker.ready;
  successor.deliver(2);
  expect(await read()).toEqual([11, 11, 0, 0]);
});
