import { expect, test } from 'vitest';
import { Tally } from '../../src/delivery/tally.ts';

const event = { id: 'e', type: 'x', unit: 'u', body: '{}' };
const delivered = { kind: 'delivered', status: 200 } as const;

test('the time of all attempts is one counter a settlement, in whole milliseconds; a zero is left out', () => {
  const tally = new Tally('x');
  const attempt = (ms: number): void => {
    tally.count(event, delivered, delivered, ms, 0);
  };
  attempt(0.7);
  attempt(1.6);
  expect([...tally.take().counters]).toEqual([
    ['delivered:x:200', 2],
    ['attemptMs:x', 2],
  ]);
  attempt(0.2);
  expect([...tally.take().counters]).toEqual([['delivered:x:200', 1]]);
});

test('an event that expired is counted as dead, and not as a failed attempt', () => {
  const tally = new Tally('x');
  tally.countExpired();
  expect(tally).toMatchObject({ died: 1, retried: 0, delivered: 0 });
  expect(tally.take()).toEqual({
    counters: new Map([['dead:x:expired', 1]]),
    lastError: undefined,
    judged: 0,
  });
  tally.recount({ event: { ...event, expiredAt: 5 }, outcome: { kind: 'dead' } });
  expect([...tally.take().counters]).toEqual([['dead:x:expired', 1]]);
});

test('failed attempts are counted by class and status, also those that an earlier run could not write down', () => {
  const tally = new Tally('x');
  const failed = { kind: 'failed', failureClass: 'server_error', status: 503, response: '' } as const;
  tally.count(event, delivered, delivered, 1, 0);
  tally.count(event, failed, { kind: 'retry', dueAt: 5 }, 1, 0);
  tally.recount({ event: { ...event, history: [[5, 503, 'server_error', 1]] }, outcome: { kind: 'dead' } });
  tally.recount({ event: { ...event, history: [[5, 0, 'timeout', 1]] }, outcome: { kind: 'dead' } });
  tally.countExpired();
  tally.recount({ event: { ...event, history: [[5, 422, 'client_error', 1]] }, outcome: { kind: 'dead' } });
  // Not the endpoint's answer, so it judges no event.
  tally.recount({ event: { ...event, history: [[5, 400, 'proxy', 1]] }, outcome: { kind: 'dead' } });
  expect(tally.take()).toMatchObject({
    failures: { 'server_error:503': 2, 'timeout:0': 1, 'client_error:422': 1, 'proxy:400': 1 },
    judged: 1,
  });
  tally.count(event, delivered, delivered, 1, 0);
  expect(tally.take().failures).toBeUndefined();
});

test('what may have arrived before is counted by its cause', () => {
  const tally = new Tally('x');
  tally.countRepeats(['resent', 'called_off']);
  tally.countRepeats(['taken_over'], 50);
  tally.countRepeats(['resent']);
  expect(Object.fromEntries(tally.take().counters)).toEqual({
    'repeats:x:resent': 2,
    'repeats:x:called_off': 1,
    'repeats:x:taken_over': 50,
  });
});

test('the last error comes with how many events of the same settlement were delivered after it', () => {
  const tally = new Tally('x');
  const failed = { kind: 'failed', failureClass: 'server_error', status: 503, response: 'later' } as const;
  tally.count(event, failed, { kind: 'retry', dueAt: 5 }, 1, 3);
  tally.count(event, delivered, delivered, 1, 4);
  tally.count(event, failed, { kind: 'retry', dueAt: 5 }, 1, 5);
  tally.count(event, delivered, delivered, 1, 6);
  const { text = '', deliveredAfter } = tally.take().lastError ?? {};
  expect(deliveredAfter).toBe(1);
  expect(JSON.parse(text)).toEqual({
    ...{ at: 5, event: 'e', type: 'x', attempt: 1, status: 503, class: 'server_error', detail: 'later' },
  });
  tally.count(event, delivered, delivered, 1, 7);
  expect(tally.take().lastError).toBeUndefined();
});
