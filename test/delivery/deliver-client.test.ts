import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { ResolvedClient } from '../../src/config/config-schema.ts';
import { createDeliveryMeter } from '../../src/core/delivery-meter.ts';
import type { StoredEvent } from '../../src/core/event.ts';
import { createClientDelivery } from '../../src/delivery/deliver-client.ts';
import { createUnsettled } from '../../src/delivery/unsettled.ts';
import type { TakenJob } from '../../src/queue/batch-worker.ts';
import type { SettleCommand, Settled } from '../../src/queue/settle.ts';
import { noPutOffs, testLine } from '../support/lanes.ts';
import { captureLogLines } from '../support/log-lines.ts';
import { until } from '../support/until.ts';

const client = {
  name: 'acme',
  urls: { x: 'http://127.0.0.1/' },
  concurrency: 1,
  retry: { retries: 0 },
} as unknown as ResolvedClient;
const eventOf = (id: string): StoredEvent => ({ id, type: 'x', unit: id, body: '{}' });
const jobOf = (id: string, data: unknown): TakenJob => ({
  id,
  token: id,
  data,
  stalls: 0,
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
  const running = createClientDelivery({
    client,
    source: {
      start: async () => {},
      take: async () => {
        const job = jobs.shift();
        if (job !== undefined) return job;
        await new Promise<void>((resolve) => {
          endTake = resolve;
        });
        return undefined;
      },
      newLock: () => ({ token: 'token', durationMs: 1_000 }),
      isClientPaused: async () => false,
      adopt: ({ id, data }) => jobOf(id, JSON.parse(data)),
      letGo: ({ id }) => letGo.push(id),
      interrupt: async () => endTake?.(),
    },
    attempt: async ({ id }) => {
      sent.push(id);
      return { classification: { kind: 'delivered', status: 200 }, ms: 1 };
    },
    line: testLine(1).line,
    putOffs: noPutOffs(),
    unsettled: createUnsettled(),
    suspects: new Set(),
    meter: createDeliveryMeter().client('acme'),
    log: pino(captureLogLines().stream),
    settle: async (command): Promise<Settled> => {
      commands.push(command);
      const data = left;
      if (command.nextLock === undefined || data === undefined) return { settled: true };
      left = undefined;
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return { settled: true, next: { id: 'next', token: 'token', data, stalls: 0 } };
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
  jobs: TakenJob[],
  changes: {
    settle?: () => Promise<Settled>;
    paused?: () => boolean;
    /** A batch that is being handed over when the delivery stops keeps it from hearing of that. */
    deaf?: boolean;
  } = {},
) {
  const commands: SettleCommand[] = [];
  const sent: string[] = [];
  const answers: (() => void)[] = [];
  let looks = 0;
  let onJob: (() => void) | undefined;
  const running = createClientDelivery({
    client,
    source: {
      start: async () => {},
      take: async () => {
        if (jobs.length === 0) {
          await new Promise<void>((resolve) => {
            onJob = resolve;
          });
        }
        return jobs.shift();
      },
      newLock: () => ({ token: 'token', durationMs: 1_000 }),
      isClientPaused: async () => {
        looks += 1;
        return changes.paused?.() ?? false;
      },
      adopt: ({ id }) => jobOf(id, undefined),
      letGo: () => {},
      interrupt: async () => {
        if (changes.deaf !== true) onJob?.();
      },
    },
    attempt: ({ id }, _url, signal) =>
      new Promise((resolve) => {
        sent.push(id);
        const delivered = { classification: { kind: 'delivered', status: 200 }, ms: 1 } as const;
        answers.push(() => resolve(delivered));
        signal.addEventListener('abort', () => resolve(undefined), { once: true });
      }),
    line: testLine(1, { room: 3 }).line,
    putOffs: noPutOffs(),
    unsettled: createUnsettled(),
    suspects: new Set(),
    meter: createDeliveryMeter().client('acme'),
    log: pino(captureLogLines().stream),
    settle: async (command) => {
      commands.push(command);
      return changes.settle?.() ?? { settled: true };
    },
    now: () => 0,
    random: () => 0,
  });
  const give = (job: TakenJob): void => {
    jobs.push(job);
    onJob?.();
  };
  return { running, commands, sent, answers, give, looks: () => looks };
}

test('a pause is noticed for a batch, too, that came back while it was open', async () => {
  const data = { events: [eventOf('one'), eventOf('two')] };
  const { running, commands, sent, answers, give, looks } = deliveryOf([jobOf('batch', data)], {
    paused: () => true,
  });
  await running.start();
  await until(async () => sent.length === 1);
  give({ ...jobOf('batch', data), token: 'again' });
  await until(async () => sent.length === 2);
  await until(async () => looks() > 0);
  answers[1]?.();
  await until(async () => commands.some(({ action, token }) => action === 'put_back' && token === 'again'));
  expect(sent).toEqual(['one', 'one']);
  await running.stop(0);
});

test('a batch that came back while its events wait for permits keeps no other one from being taken', async () => {
  const one = (id: string) => ({ events: [eventOf(id)] });
  const jobs = [jobOf('slow', one('slow')), jobOf('batch', one('waits'))];
  const { running, commands, sent, answers, give } = deliveryOf(jobs);
  await running.start();
  await until(async () => sent.length === 1 && jobs.length === 0);
  give({ ...jobOf('batch', one('waits')), token: 'again' });
  await until(async () => jobs.length === 0);
  give(jobOf('other', one('other')));
  await until(async () => jobs.length === 0);
  expect(sent).toEqual(['slow']);
  for (const sentBy of [1, 2, 3]) {
    await until(async () => sent.length === sentBy);
    answers[sentBy - 1]?.();
  }
  await until(async () => commands.length === 3);
  expect(sent.toSorted()).toEqual(['other', 'slow', 'waits']);
  expect(commands.map(({ token }) => token).toSorted()).toEqual(['again', 'other', 'slow']);
  await running.stop(0);
});

test.each([
  ['whose new lock is lost, too', 1, []],
  ['that is taken once more meanwhile', 2, ['waits']],
])('of a batch %s, what has no lock any more is not sent', async (_what, times, alsoSent) => {
  const one = (id: string) => ({ events: [eventOf(id)] });
  const jobs = [jobOf('slow', one('slow')), jobOf('batch', one('waits'))];
  const { running, commands, sent, answers, give } = deliveryOf(jobs);
  await running.start();
  await until(async () => sent.length === 1 && jobs.length === 0);
  for (let n = 1; n <= times; n += 1) {
    give({ ...jobOf('batch', one('waits')), token: `again ${n}` });
    await until(async () => jobs.length === 0);
  }
  if (times === 1) running.lose('batch');
  give(jobOf('other', one('other')));
  await until(async () => jobs.length === 0);
  for (let sentBy = 1; sentBy <= 2 + alsoSent.length; sentBy += 1) {
    await until(async () => sent.length === sentBy);
    answers[sentBy - 1]?.();
  }
  await until(async () => commands.length === sent.length);
  await running.stop(0);
  expect(sent.toSorted()).toEqual(['other', 'slow', ...alsoSent]);
  expect(commands.map(({ token }) => token).filter((token) => token.startsWith('again'))).toEqual(
    alsoSent.map(() => `again ${times}`),
  );
});

test('the grace period begins with the stop, also where Redis keeps the next batch to itself', async () => {
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
