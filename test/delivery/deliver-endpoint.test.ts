import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { ResolvedEndpoint } from '../../src/config/config-schema.ts';
import { DeliveryMeter } from '../../src/core/delivery-meter.ts';
import type { StoredEvent } from '../../src/core/event.ts';
import { Unsettled } from '../../src/delivery/batch-ledger.ts';
import { EndpointDelivery } from '../../src/delivery/deliver-endpoint.ts';
import { Gate } from '../../src/delivery/gate.ts';
import { Hold } from '../../src/delivery/hold.ts';
import type { SettleCommand, Settled } from '../../src/queue/settle.ts';
import type { TakenBatch } from '../../src/queue/take.ts';
import { captureLogLines } from '../support/log-lines.ts';
import { openPace } from '../support/open-pace.ts';
import { until } from '../support/until.ts';

const endpoint: ResolvedEndpoint = {
  client: 'acme',
  type: 'x',
  url: 'http://127.0.0.1/',
  concurrency: 1,
  timeoutMs: 1_000,
  retry: { retries: 0, baseDelayMs: 0, factor: 1, maxDelayMs: 0, jitter: 0 },
  pace: { mode: 'adaptive', holdMs: 120_000, minPerSecond: 0 },
};
const eventOf = (id: string): StoredEvent => ({ id, type: 'x', unit: id, body: '{}' });
const jobOf = (id: string, data: unknown): TakenBatch => ({
  id,
  token: id,
  askedAt: 0,
  data,
  stalls: 0,
  isLocked: () => true,
  fail: async () => {},
});

/** A delivery over one batch, `first`, and what its last settlement brings in; each is answered on demand. */
function delivery(next: string) {
  let left: string | undefined = next;
  const commands: SettleCommand[] = [];
  const sent: string[] = [];
  const letGo: string[] = [];
  let answer: (() => void) | undefined;
  let endTake: (() => void) | undefined;
  const jobs = [jobOf('first', { events: [eventOf('first')] })];
  const gate = new Gate(1, [], openPace());
  const log = pino(captureLogLines().stream);
  const running = new EndpointDelivery({
    endpoint,
    source: {
      start: async () => {},
      hear: () => {},
      take: async () => {
        const job = jobs.shift();
        if (job !== undefined) return job;
        await new Promise<void>((resolve) => {
          endTake = resolve;
        });
        return undefined;
      },
      newLock: () => ({ token: 'token', durationMs: 1_000, askedAt: 0 }),
      isEndpointPaused: async () => false,
      adopt: ({ id, data }) => jobOf(id, data),
      letGo: ({ id }) => letGo.push(id),
      interrupt: async () => endTake?.(),
    },
    attempt: async ({ id }) => {
      sent.push(id);
      return { classification: { kind: 'delivered', status: 200 }, ms: 1 };
    },
    pace: openPace(),
    hold: new Hold({ endpoint, gate, pace: openPace(), log, shortages: new Set(), mark: () => {} }),
    gate,
    unsettled: new Unsettled(),
    suspects: new Set(),
    meter: new DeliveryMeter().client('acme'),
    log,
    settle: async (command): Promise<Settled> => {
      commands.push(command);
      const data = left;
      if (command.nextLock === undefined || data === undefined) return { settled: true };
      left = undefined;
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return {
        settled: true,
        next: { id: 'next', token: 'token', askedAt: 0, data: JSON.parse(data), stalls: 0 },
      };
    },
    now: () => 0,
    random: () => 0,
  });
  return { running, commands, sent, letGo, answer: () => answer?.() };
}

test('a batch that a settlement brought in is delivered', async () => {
  const { running, commands, sent, letGo, answer } = delivery(JSON.stringify({ events: [eventOf('next')] }));
  await running.start();
  await until(async () => commands.length === 1);
  expect(commands[0]).toMatchObject({ action: 'complete', nextLock: { token: 'token' } });
  answer();
  await until(async () => letGo.length === 2);
  expect(sent).toEqual(['first', 'next']);
  await running.stop(1_000);
  expect(letGo).toEqual(['first', 'next']);
});

test('a batch that comes in while the delivery stops is put back unsent', async () => {
  const { running, commands, sent, letGo, answer } = delivery(JSON.stringify({ events: [eventOf('next')] }));
  await running.start();
  await until(async () => commands.length === 1);
  const stopped = running.stop(1_000);
  answer();
  await stopped;
  expect(sent).toEqual(['first']);
  expect(commands[1]).toMatchObject({ jobId: 'next', action: 'put_back' });
  expect(letGo).toEqual(['first', 'next']);
});

test('what a settlement brings in and is no batch is failed, and let go', async () => {
  const { running, commands, sent, letGo, answer } = delivery('null');
  await running.start();
  await until(async () => commands.length === 1);
  answer();
  await until(async () => letGo.length === 2);
  expect(sent).toEqual(['first']);
  await running.stop(1_000);
});

/** A delivery over batches that the test hands out; attempts last until they are answered or called off. */
function deliveryOf(
  jobs: TakenBatch[],
  changes: {
    settle?: () => Promise<Settled>;
    paused?: () => boolean;
    slots?: number;
    /** An attempt that does not wait for an answer of the test. */
    attempt?: (id: string) => Promise<never> | undefined;
    /** A batch that is being handed over when the delivery stops keeps it from hearing of that. */
    deaf?: boolean;
  } = {},
) {
  const { slots = 1 } = changes;
  const gate = new Gate(slots, [], openPace());
  const log = pino(captureLogLines().stream);
  const commands: SettleCommand[] = [];
  const sent: string[] = [];
  const answers: (() => void)[] = [];
  let looks = 0;
  let onJob: (() => void) | undefined;
  const running = new EndpointDelivery({
    endpoint,
    source: {
      start: async () => {},
      hear: () => {},
      take: async () => {
        if (jobs.length === 0) {
          await new Promise<void>((resolve) => {
            onJob = resolve;
          });
        }
        return jobs.shift();
      },
      newLock: () => ({ token: 'token', durationMs: 1_000, askedAt: 0 }),
      isEndpointPaused: async () => {
        looks += 1;
        return changes.paused?.() ?? false;
      },
      adopt: ({ id }) => jobOf(id, undefined),
      letGo: () => {},
      interrupt: async () => {
        if (changes.deaf !== true) onJob?.();
      },
    },
    attempt: ({ id }, _url, signal) => {
      sent.push(id);
      return (
        changes.attempt?.(id) ??
        new Promise((resolve) => {
          const delivered = { classification: { kind: 'delivered', status: 200 }, ms: 1 } as const;
          answers.push(() => resolve(delivered));
          signal.addEventListener('abort', () => resolve({ calledOff: true }), { once: true });
        })
      );
    },
    pace: openPace(),
    hold: new Hold({ endpoint, gate, pace: openPace(), log, shortages: new Set(), mark: () => {} }),
    gate,
    unsettled: new Unsettled(),
    suspects: new Set(),
    meter: new DeliveryMeter().client('acme'),
    log,
    settle: async (command) => {
      commands.push(command);
      return changes.settle?.() ?? { settled: true };
    },
    now: () => 0,
    random: () => 0,
  });
  const give = (job: TakenBatch): void => {
    jobs.push(job);
    onJob?.();
  };
  return { running, commands, sent, answers, give, looks: () => looks };
}

test('a pause lets requests under way end, and puts the rest of the batch back', async () => {
  const data = { events: [eventOf('one'), eventOf('two')] };
  const { running, commands, sent, answers, looks } = deliveryOf([jobOf('batch', data)], {
    paused: () => true,
  });
  await running.start();
  await until(async () => looks() > 0);
  answers[0]?.();
  await until(async () => commands.some(({ action }) => action === 'put_back'));
  expect(sent).toEqual(['one']);
  expect(commands.at(-1)?.settlement.stay).toEqual([eventOf('two')]);
  await running.stop(0);
});

test('a batch that comes back while it is open here ends its earlier run, and is put back for a second', async () => {
  const one = (id: string) => ({ events: [eventOf(id)] });
  const jobs = [jobOf('batch', one('slow'))];
  const { running, commands, sent, answers, give } = deliveryOf(jobs, { slots: 3 });
  await running.start();
  await until(async () => sent.length === 1);
  give({ ...jobOf('batch', one('slow')), token: 'again' });
  await until(async () => commands.length === 1);
  expect(commands[0]).toMatchObject({ action: 'delay', token: 'again', settlement: { dueAt: 1_000 } });
  expect(commands[0]?.settlement.stay).toEqual([eventOf('slow')]);
  // The earlier run was called off and settled nothing: the endpoint goes on with other batches.
  give(jobOf('other', one('other')));
  await until(async () => sent.length === 2);
  answers[1]?.();
  await until(async () => commands.length === 2);
  expect(commands[1]).toMatchObject({ action: 'complete', token: 'other' });
  give({ ...jobOf('batch', one('slow')), token: 'third' });
  await until(async () => sent.length === 3);
  answers[2]?.();
  await until(async () => commands.length === 3);
  expect(commands[2]).toMatchObject({ action: 'complete', token: 'third' });
  expect(sent).toEqual(['slow', 'other', 'slow']);
  await running.stop(0);
});

test('a batch of another endpoint’s events is failed: they would go to the wrong URL', async () => {
  const failed: string[] = [];
  const stray = { ...jobOf('stray', { events: [{ ...eventOf('e'), type: 'y' }] }) };
  const { running, commands, sent } = deliveryOf([
    {
      ...stray,
      fail: async (reason) => {
        failed.push(reason);
      },
    },
  ]);
  await running.start();
  await until(async () => failed.length === 1);
  expect(failed[0]).toContain('no batch of events of its endpoint');
  expect([sent, commands]).toEqual([[], []]);
  await running.stop(0);
});

test('a fault with one event fails that one alone; the rest of its batch is put back', async () => {
  const failed: string[] = [];
  const events = [eventOf('one'), { ...eventOf('two'), unit: 'one' }, eventOf('faulty')];
  const fail = async (reason: string): Promise<void> => {
    failed.push(reason);
  };
  const { running, commands, sent, answers, looks } = deliveryOf([{ ...jobOf('batch', { events }), fail }], {
    slots: 2,
    paused: () => true,
    attempt: (id) => (id === 'faulty' ? Promise.reject(new Error('no header')) : undefined),
  });
  await running.start();
  await until(async () => looks() > 0);
  answers[0]?.();
  await until(async () => failed.length > 0);
  expect(failed).toEqual(['no header']);
  expect(commands.at(-1)).toMatchObject({
    action: 'keep',
    settlement: { apart: [{ event: { id: 'two' } }], stay: [{ id: 'faulty' }] },
  });
  expect(sent).toEqual(['one', 'faulty']);
  await running.stop(0);
});

test('the grace period begins with the stop, also if Redis keeps the next batch to itself', async () => {
  const data = { events: [eventOf('slow')] };
  const { running, commands, sent, give } = deliveryOf([jobOf('batch', data)], { deaf: true });
  await running.start();
  await until(async () => sent.length === 1);
  const stopped = running.stop(10);
  await until(async () => commands.length === 1);
  expect(commands[0]).toMatchObject({ jobId: 'batch', action: 'put_back' });
  give(jobOf('late', data));
  await stopped;
  // What came after that is put back as well.
  expect(commands[1]).toMatchObject({ jobId: 'late', action: 'put_back' });
  expect(sent).toEqual(['slow']);
});

test('a settlement that finds the lock lost calls off the requests, and sends no waiting event', async () => {
  const events = ['one', 'two', 'three', 'four'].map(eventOf);
  const results: Settled[] = [{ settled: false }];
  const { running, commands, sent, answers, give } = deliveryOf([jobOf('batch', { events })], {
    slots: 2,
    settle: async () => results.pop() ?? { settled: true },
  });
  await running.start();
  await until(async () => sent.length === 2);
  answers[0]?.();
  await until(async () => commands.length === 1);
  expect(commands[0]).toMatchObject({ action: 'keep', jobId: 'batch' });
  give(jobOf('other', { events: [eventOf('other')] }));
  await until(async () => sent.includes('other'));
  answers.at(-1)?.();
  await until(async () => commands.length === 2);
  expect(commands[1]).toMatchObject({ action: 'complete', jobId: 'other' });
  expect(sent).toEqual(['one', 'two', 'three', 'other']);
  await running.stop(0);
});
