import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { ResolvedEndpoint } from '../../src/config/config-schema.ts';
import { DeliveryMeter, DURATION_MS } from '../../src/core/delivery-meter.ts';
import type { StoredEvent } from '../../src/core/event.ts';
import { Unsettled } from '../../src/delivery/batch-ledger.ts';
import { Gate } from '../../src/delivery/gate.ts';
import { Hold } from '../../src/delivery/hold.ts';
import { BatchRun } from '../../src/delivery/run-batch.ts';
import type { SettleCommand } from '../../src/queue/settle.ts';
import { captureLogLines } from '../support/log-lines.ts';
import { openPace } from '../support/open-pace.ts';
import { until } from '../support/until.ts';

const HOUR_MS = 3_600_000;
const eventOf = (n: number, replayedAt: number): StoredEvent => ({
  ...{ id: `event-${n}`, type: 'x', unit: `unit-${n}`, body: '{}' },
  ...{ life: 1, replayedAt },
});

/** One batch that is sent to an endpoint with `maxAgeHours: 1`; the test sets the clock and answers each attempt. */
function batchOf(events: readonly StoredEvent[], slots: number) {
  const clock = { now: 0 };
  const commands: SettleCommand[] = [];
  const sent: string[] = [];
  const answers: (() => void)[] = [];
  const meter = new DeliveryMeter();
  const gate = new Gate(slots, [], openPace());
  const lock = { token: 'token', askedAt: 0, isLocked: () => true };
  const job = { id: 'batch', ...lock, data: { events }, stalls: 0, fail: async () => {} };
  const endpoint: ResolvedEndpoint = {
    ...{ client: 'acme', type: 'x', url: 'http://127.0.0.1/', concurrency: slots, timeoutMs: 1_000 },
    retry: { retries: 5, baseDelayMs: 100, factor: 1, maxDelayMs: 100, jitter: 0 },
    pace: { mode: 'adaptive', holdMs: 120_000, minPerSecond: 0 },
    maxAgeHours: 1,
  };
  const log = pino(captureLogLines().stream);
  const run = new BatchRun(job, {
    endpoint,
    source: { newLock: () => ({ token: 'next', durationMs: 1_000, askedAt: 0 }) } as never,
    attempt: ({ id }) => {
      sent.push(id);
      return new Promise((resolve) => {
        answers.push(() => resolve({ classification: { kind: 'delivered', status: 200 }, ms: 1 }));
      });
    },
    gate,
    pace: openPace(),
    hold: new Hold({ endpoint, gate, pace: openPace(), log, shortages: new Set(), mark: () => {} }),
    unsettled: new Unsettled(),
    suspects: new Set(),
    meter: meter.client('acme'),
    log,
    settle: async (command) => {
      commands.push(command);
      return { settled: true };
    },
    now: () => clock.now,
    random: () => 0,
  });
  return { run, clock, commands, sent, answers, gate, meter };
}

const deadOf = (commands: readonly SettleCommand[]): readonly StoredEvent[] =>
  commands.flatMap(({ settlement }) => settlement.dead);

test('an attempt under way is finished; events that became too old while they waited for a slot are not sent', async () => {
  const events = [eventOf(0, 0), eventOf(1, 0), eventOf(2, 1), eventOf(3, -1)];
  const { run, clock, commands, sent, answers, gate, meter } = batchOf(events, 1);
  clock.now = HOUR_MS - 1;
  await until(async () => sent.length === 1);
  clock.now = HOUR_MS + 1;
  answers[0]?.();
  await until(async () => sent.length === 2);
  answers[1]?.();
  await run.done;
  expect(sent).toEqual(['event-0', 'event-2']);
  expect(deadOf(commands).map(({ id }) => id)).toEqual(['event-1', 'event-3']);
  const counters = Object.assign({}, ...commands.map((command) => Object.fromEntries(command.counters)));
  expect(counters).toEqual({ 'dead:x:expired': 2, 'delivered:x:200': 2, 'attemptMs:x': 2 });
  // Each took a millisecond by the test's clock: the lowest bucket.
  const durations = [2, ...DURATION_MS.map(() => 0)];
  const counts = { delivered: 2, retry: new Map(), dead: new Map(), durations };
  expect(meter.client('acme').types.get('x')).toEqual(counts);
  expect(gate.waiting).toBe(0);
});

test('any number of events that expire one right behind the other', async () => {
  const events = Array.from({ length: 50_000 }, (_, n) => eventOf(n, 0));
  const { run, clock, commands, sent, answers, gate } = batchOf(events, 1);
  await until(async () => sent.length === 1);
  clock.now = HOUR_MS + 1;
  answers[0]?.();
  await run.done;
  expect(sent).toEqual(['event-0']);
  expect(deadOf(commands)).toHaveLength(49_999);
  expect(gate.waiting).toBe(0);
});

test('events of one unit that are too old from the start take no slot', async () => {
  const events = Array.from({ length: 50_000 }, (_, n) => ({ ...eventOf(n, -HOUR_MS - 1), unit: 'one' }));
  const { run, commands, sent, gate } = batchOf(events, 1);
  await run.done;
  expect(sent).toEqual([]);
  expect(deadOf(commands)).toHaveLength(50_000);
  expect(gate.waiting).toBe(0);
});
