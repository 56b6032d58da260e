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
  expect(tally.take()).toEqual({ counters: new Map([['dead:x:expired', 1]]), lastError: undefined });
  tally.recount({ event: { ...event, expiredAt: 5 }, outcome: { kind: 'dead' } });
  expect([...tally.take().counters]).toEqual([['dead:x:expired', 1]]);
});
