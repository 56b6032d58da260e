import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { StoredEvent } from '../../src/core/event.ts';
import { withFailure } from '../../src/core/history.ts';
import type { FinishedEvent } from '../../src/core/settlement.ts';
import { BatchLedger, Unsettled } from '../../src/delivery/batch-ledger.ts';
import type { SettleCommand } from '../../src/queue/settle.ts';
import { captureLogLines } from '../support/log-lines.ts';

const NOW = 1_000_000;
const LOCK = { token: 'token', askedAt: 0, isLocked: () => true };
const JOB = { id: 'batch', ...LOCK, data: undefined, stalls: 0, fail: async () => {} };
const eventOf = (n: number): StoredEvent => ({ id: `event-${n}`, type: 'x', unit: 'u', body: '{}' });
const delivered = (event: StoredEvent): FinishedEvent => ({
  event,
  outcome: { kind: 'delivered', status: 200 },
});

function failedOnce(event: StoredEvent, dies = false): FinishedEvent {
  const outcome = dies ? ({ kind: 'dead' } as const) : ({ kind: 'retry', dueAt: NOW + 5_000 } as const);
  const failure = { kind: 'failed', failureClass: 'server_error', status: 500, response: '' } as const;
  return { event: withFailure(event, failure, outcome, NOW, 5, 'https://acme.example/d'), outcome };
}

/** Ledgers of one batch after another, over a queue that can be made to refuse; and what it was given. */
function ledgers(events: readonly StoredEvent[]) {
  const commands: SettleCommand[] = [];
  const log = captureLogLines();
  const answers: (boolean | Error)[] = [];
  const unsettled = new Unsettled();
  let lockGone = 0;
  const open = (stalls = 0): BatchLedger =>
    new BatchLedger(
      { ...JOB, stalls },
      events,
      {
        endpoint: { client: 'acme', type: 'x' },
        unsettled,
        log: pino(log.stream),
        settle: async (command) => {
          commands.push(command);
          const answer = answers.shift() ?? true;
          if (answer instanceof Error) throw answer;
          return { settled: answer };
        },
        now: () => NOW,
      },
      () => {
        lockGone += 1;
      },
    );
  return { commands, answers, log, open, lockGone: () => lockGone };
}

test('what is finished leaves the batch with the next write', async () => {
  const events = [eventOf(1), eventOf(2), eventOf(3)];
  const { commands, open } = ledgers(events);
  const ledger = open();
  expect(ledger.hasNews).toBe(false);
  ledger.finish(eventOf(9), delivered(eventOf(9)));
  for (const event of events.slice(0, 1)) ledger.finish(event, delivered(event));
  expect(ledger.hasNews).toBe(true);
  await ledger.write('keep');
  expect(ledger.hasNews).toBe(false);
  expect(commands[0]).toMatchObject({ jobId: 'batch', token: 'token', now: NOW, action: 'keep' });
  expect(commands[0]?.settlement.stay).toEqual(events.slice(1));
});

test('a batch that is complete but for retries is delayed', async () => {
  const events = [eventOf(1)];
  const { commands, open } = ledgers(events);
  const ledger = open();
  for (const event of events) ledger.finish(event, failedOnce(event));
  await ledger.write('complete');
  expect(commands[0]).toMatchObject({ action: 'delay', settlement: { dueAt: NOW + 5_000 } });
});

test.each([
  ['the lock is gone', false, 'lock lost'],
  ['Redis fails', new Error('gone'), 'batch could not be settled'],
])('%s: the next run of the batch recalls the results and counts them', async (_why, answer, message) => {
  const events = [eventOf(1), eventOf(2), eventOf(3)];
  const [one, two] = events as [StoredEvent, StoredEvent];
  const { commands, answers, log, open } = ledgers(events);
  answers.push(answer);
  const first = open();
  first.finish(one, delivered(one));
  await first.write('keep');
  expect(first.lost).toBe(true);
  expect(log.matching(message)).toMatchObject([{ client: 'acme', batch: 'batch' }]);
  first.finish(two, failedOnce(two));
  expect(first.hasNews).toBe(false);
  first.close();

  const second = open();
  expect(second.recall()).toBe(2);
  expect(second.unfinished).toEqual(events.slice(2));
  await second.write('keep');
  expect(commands[1]?.settlement.apart).toEqual([{ event: failedOnce(two).event, dueAt: NOW + 5_000 }]);
  expect(Object.fromEntries(commands[1]?.counters ?? [])).toEqual({
    'delivered:x:200': 1,
    'failed:x:server_error': 1,
  });
  second.close();
  expect(open().recall()).toBe(0);
});

test('splitting a batch loses nothing of what an earlier run could not write', async () => {
  const events = [eventOf(1), eventOf(2), eventOf(3), eventOf(4)];
  const [one, two, three, four] = events as [StoredEvent, StoredEvent, StoredEvent, StoredEvent];
  const { commands, answers, open } = ledgers(events);
  answers.push(false);
  const first = open();
  first.finish(one, delivered(one));
  first.finish(two, failedOnce(two));
  first.finish(three, failedOnce(three, true));
  await first.write('keep');
  first.close();

  const second = open();
  second.recall();
  await second.split();
  expect(commands[1]).toMatchObject({ action: 'complete' });
  expect(commands[1]?.settlement).toEqual({
    dead: [failedOnce(three, true).event],
    apart: [
      { event: failedOnce(two).event, dueAt: NOW + 5_000 },
      { event: four, dueAt: NOW },
    ],
    stay: [],
  });
});

test('postponing a batch loses nothing of what an earlier run could not write', async () => {
  const events = [eventOf(1), eventOf(2), eventOf(3)];
  const [one, two, three] = events as [StoredEvent, StoredEvent, StoredEvent];
  const { commands, answers, open } = ledgers(events);
  answers.push(false);
  const first = open();
  first.finish(one, failedOnce(one));
  first.finish(two, failedOnce(two, true));
  await first.write('keep');
  first.close();

  const second = open();
  expect(second.recall()).toBe(2);
  await second.postpone(NOW + 9_000);
  expect(commands[1]).toMatchObject({ action: 'delay' });
  expect(commands[1]?.settlement).toEqual({
    dead: [failedOnce(two, true).event],
    apart: [{ event: failedOnce(one).event, dueAt: NOW + 5_000 }],
    stay: [three],
    dueAt: NOW + 9_000,
  });
  expect(commands[1]?.finished).toHaveLength(2);
});

test('events that stay in their batch are kept, every other one gets a job of its own', async () => {
  const events = [eventOf(1), eventOf(2), eventOf(3)];
  const [one, two, three] = events as [StoredEvent, StoredEvent, StoredEvent];
  const { commands, open } = ledgers(events);
  const ledger = open();
  ledger.finish(one, delivered(one));
  await ledger.split(new Set([three]));
  expect(commands[0]).toMatchObject({
    action: 'keep',
    settlement: { dead: [], apart: [{ event: two, dueAt: NOW }], stay: [three] },
  });
});

test('a write tells that the lock is lost; an error of Redis does not', async () => {
  const { answers, open, lockGone } = ledgers([eventOf(1)]);
  answers.push(new Error('Redis'), false);
  const [failing, refused] = [open(), open()];
  await failing.write('keep');
  expect([failing.lost, lockGone()]).toEqual([true, 0]);
  await refused.write('keep');
  expect([refused.lost, lockGone()]).toEqual([true, 1]);
});

describe('events of a batch that processes were lost with', () => {
  const three = [eventOf(1), eventOf(2), eventOf(3)];
  const [one, two] = three as [StoredEvent, StoredEvent];
  const takenOver = (commands: readonly SettleCommand[]) =>
    commands.map(({ counters }) => counters.get('repeats:x:taken_over'));

  test('count once for each process, when the first result is written', async () => {
    const { commands, open } = ledgers(three);
    const ledger = open(2);
    ledger.recall();
    ledger.finish(one, delivered(one));
    await ledger.write('keep');
    ledger.finish(two, failedOnce(two));
    await ledger.write('put_back');
    expect(takenOver(commands)).toEqual([6, undefined]);
  });

  test('do not count while Redis keeps the losses: the next run counts them', async () => {
    const { commands, open } = ledgers(three);
    for (const way of ['put_back', 'postpone']) {
      const ledger = open(1);
      ledger.recall();
      if (way === 'put_back') await ledger.write('put_back');
      else await ledger.postpone(NOW + 1_000);
      ledger.close();
    }
    const last = open(1);
    last.recall();
    for (const event of three) last.finish(event, delivered(event));
    await last.write('complete');
    expect(takenOver(commands)).toEqual([undefined, undefined, 3]);
  });

  test('count when they get jobs of their own, which have no losses', async () => {
    const { commands, open } = ledgers(three);
    const ledger = open(3);
    ledger.recall();
    await ledger.split();
    expect(takenOver(commands)).toEqual([9]);
  });

  test.each([
    [1, 1],
    [2, 1 + 2 * 2],
  ])(
    'do not count for the loss of this process if it knows their results: %d processes',
    async (stalls, n) => {
      const events = stalls === 1 ? three.slice(0, 2) : three;
      const { commands, answers, open } = ledgers(events);
      answers.push(false);
      const first = open();
      first.recall();
      first.finish(one, delivered(one));
      await first.write('keep');
      first.close();
      const second = open(stalls);
      second.recall();
      await second.write('keep');
      expect(takenOver(commands)).toEqual([undefined, n]);
    },
  );
});
