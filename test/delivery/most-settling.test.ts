import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { ResolvedEndpoint } from '../../src/config/config-schema.ts';
import { DeliveryMeter } from '../../src/core/delivery-meter.ts';
import { Unsettled } from '../../src/delivery/batch-ledger.ts';
import { EndpointDelivery } from '../../src/delivery/deliver-endpoint.ts';
import { Gate } from '../../src/delivery/gate.ts';
import { Hold } from '../../src/delivery/hold.ts';
import type { TakenBatch } from '../../src/queue/take.ts';
import { captureLogLines } from '../support/log-lines.ts';
import { openPace } from '../support/open-pace.ts';
import { until } from '../support/until.ts';

const CONCURRENCY = 2;
/** As many as the gate has room for, and a hundred. */
const MOST = CONCURRENCY + 100;
const endpoint: ResolvedEndpoint = {
  client: 'acme',
  type: 'x',
  url: 'http://127.0.0.1/',
  concurrency: CONCURRENCY,
  timeoutMs: 1_000,
  retry: { retries: 0, baseDelayMs: 0, factor: 1, maxDelayMs: 0, jitter: 0 },
  pace: { mode: 'adaptive', holdMs: 120_000, minPerSecond: 0 },
};

/** A delivery over a queue of 300 batches that are given away at once, and settled one by one on demand. */
function delivery() {
  const taken: TakenBatch[] = [];
  const settling: (() => void)[] = [];
  let holds = true;
  const gate = new Gate(CONCURRENCY, [], openPace());
  const log = pino(captureLogLines().stream);
  const running = new EndpointDelivery({
    endpoint,
    source: {
      start: async () => {},
      hear: () => {},
      take: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        if (taken.length === 300) return undefined;
        const id = `batch-${taken.length}`;
        const data = { events: [{ id, type: 'x', unit: id, body: '{}' }] };
        const lock = { token: id, askedAt: 0, isLocked: () => true };
        const job: TakenBatch = { id, ...lock, data, stalls: 0, fail: async () => {} };
        taken.push(job);
        return job;
      },
      newLock: () => ({ token: 'token', durationMs: 1_000, askedAt: 0 }),
      isEndpointPaused: async () => false,
      adopt: () => {
        throw new Error('nothing is brought in');
      },
      letGo: () => {},
      interrupt: async () => {},
    },
    attempt: async () => ({ classification: { kind: 'delivered', status: 200 }, ms: 1 }),
    pace: openPace(),
    hold: new Hold({ endpoint, gate, pace: openPace(), log, shortages: new Set(), mark: () => {} }),
    gate,
    unsettled: new Unsettled(),
    suspects: new Set(),
    meter: new DeliveryMeter().client('acme'),
    log,
    settle: async () => {
      if (holds) await new Promise<void>((resolve) => settling.push(resolve));
      return { settled: true };
    },
    now: () => 0,
    random: () => 0,
  });
  const release = (): void => {
    holds = false;
    for (const resolve of settling) resolve();
  };
  return { running, taken, settling, release };
}

test('batches that cannot be settled end the taking of further ones, until they are', async () => {
  const { running, taken, settling, release } = delivery();
  await running.start();
  await until(async () => settling.length === MOST);
  // Whatever the loop still has to do, it has done by then.
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(taken).toHaveLength(MOST);
  settling.shift()?.();
  await until(async () => taken.length === MOST + 1);
  release();
  await until(async () => taken.length === 300);
  await running.stop(1_000);
});
