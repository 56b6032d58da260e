import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FAILURE_CLASSES } from '../../src/core/attempt-result.ts';
import {
  type DeadLetterFilter,
  diedAt,
  isStatusFilter,
  lastFailure,
  matchesFilter,
} from '../../src/core/dead-letter-filter.ts';
import type { StoredEvent } from '../../src/core/event.ts';

const LETTER: StoredEvent = {
  id: 'event-1',
  type: 'disposition_update',
  unit: 'LPAA1234567',
  body: '{}',
  history: [
    [1_000, 503, 'server_error', 5],
    [2_000, 422, 'client_error', 7],
  ],
};
const TIMED_OUT: StoredEvent = { ...LETTER, id: 'event-2', history: [[3_000, 0, 'timeout', 15_000]] };

const EXPIRED: StoredEvent = { ...LETTER, expiredAt: 3_000 };

test.each<[DeadLetterFilter, boolean]>([
  [{ status: 'expired' }, true],
  [{ status: '422' }, false],
  [{ status: '4xx' }, false],
  [{ status: 'client_error' }, false],
  [{ since: 3_000 }, true],
  [{ until: 3_000 }, false],
  [{ failedSince: 3_000 }, false],
])('one that expired after two attempts: %o', (filter, isMeant) => {
  expect(matchesFilter(EXPIRED, filter)).toBe(isMeant);
  expect(matchesFilter({ ...EXPIRED, history: [] }, filter)).toBe(isMeant);
});

test.each<[DeadLetterFilter, boolean, boolean]>([
  [{}, true, true],
  [{ id: 'event-1' }, true, false],
  [{ type: 'disposition_update' }, true, true],
  [{ type: 'inventory_receipt' }, false, false],
  [{ unit: 'LPAA1234567' }, true, true],
  [{ unit: 'LPAA' }, false, false],
  [{ status: '422' }, true, false],
  [{ status: '503' }, false, false],
  [{ status: '4xx' }, true, false],
  [{ status: '5xx' }, false, false],
  [{ status: 'client_error' }, true, false],
  [{ status: 'timeout' }, false, true],
  [{ since: 2_000 }, true, true],
  [{ since: 2_001 }, false, true],
  [{ until: 2_000 }, false, false],
  [{ until: 2_001 }, true, false],
  [{ since: 2_000, until: 3_000 }, true, false],
  [{ status: '4xx', unit: 'LPAA1234567', since: 2_001 }, false, false],
])('%o', (filter, answered, timedOut) => {
  expect(matchesFilter(LETTER, filter)).toBe(answered);
  expect(matchesFilter(TIMED_OUT, filter)).toBe(timedOut);
});

const letters: fc.Arbitrary<StoredEvent> = fc.record({
  id: fc.constantFrom('event-1', 'event-2'),
  type: fc.constantFrom('disposition_update', 'inventory_receipt'),
  unit: fc.constantFrom('unit-1', 'unit-2'),
  body: fc.constant('{}'),
  history: fc.array(
    fc.tuple(fc.nat(5), fc.constantFrom(0, 404, 422, 500), fc.constantFrom(...FAILURE_CLASSES), fc.nat(5)),
    { minLength: 1, maxLength: 6 },
  ),
});
const filters: fc.Arbitrary<DeadLetterFilter> = fc.record(
  {
    id: fc.constantFrom('event-1', 'event-2'),
    type: fc.constantFrom('disposition_update', 'inventory_receipt'),
    unit: fc.constantFrom('unit-1', 'unit-2'),
    status: fc.constantFrom('404', '4xx', '5xx', ...FAILURE_CLASSES),
    since: fc.nat(6),
    until: fc.nat(6),
  },
  { requiredKeys: [] },
);

test('filters combine: all of their parts have to match', () => {
  fc.assert(
    fc.property(letters, filters, (letter, filter) => {
      const parts = Object.entries(filter).map(([key, value]) => matchesFilter(letter, { [key]: value }));
      expect(matchesFilter(letter, filter)).toBe(parts.every(Boolean));
    }),
  );
});

test.each<[DeadLetterFilter, boolean, boolean]>([
  [{ failedSince: 1_000, failedUntil: 1_001 }, true, false],
  [{ failedSince: 1_001, failedUntil: 2_000 }, false, false],
  [{ failedSince: 2_000 }, true, true],
  [{ failedSince: 2_001 }, false, true],
  [{ failedUntil: 1_000 }, false, false],
  [{ failedUntil: 3_000 }, true, false],
  // Died later, of something else.
  [{ failedSince: 1_000, failedUntil: 1_001, since: 2_000, status: '422' }, true, false],
  [{ failedSince: 1_000, failedUntil: 1_001, status: '503' }, false, false],
])('an attempt that failed then, whichever it is: %o', (filter, retried, timedOut) => {
  expect(matchesFilter(LETTER, filter)).toBe(retried);
  expect(matchesFilter(TIMED_OUT, filter)).toBe(timedOut);
  const { history: _history, ...unsent } = EXPIRED;
  expect(matchesFilter(unsent, filter)).toBe(false);
});

test('since and until divide the dead letters', () => {
  fc.assert(
    fc.property(letters, fc.nat(6), (letter, time) => {
      expect(matchesFilter(letter, { since: time })).toBe(!matchesFilter(letter, { until: time }));
    }),
  );
});

test('an event without a history died never, of nothing', () => {
  const { history: _history, ...fresh } = LETTER;
  expect(diedAt(fresh)).toBe(0);
  expect(lastFailure(fresh)).toEqual({ status: 0, failureClass: '' });
  expect(matchesFilter(fresh, { status: '4xx' })).toBe(false);
});

test('what can stand for a status', () => {
  for (const good of ['100', '422', '599', '1xx', '5xx', ...FAILURE_CLASSES]) {
    expect(isStatusFilter(good)).toBe(true);
  }
  for (const bad of ['', '42', '4222', '0xx', '042', '5XX', '4x', 'x', 'toString', '422 ']) {
    expect(isStatusFilter(bad)).toBe(false);
  }
});
