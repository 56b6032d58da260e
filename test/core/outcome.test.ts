import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import { clientConfigSchema } from '../../src/config/client-config.ts';
import { FAILURE_CLASSES } from '../../src/core/attempt-result.ts';
import type { RetryPolicy } from '../../src/core/backoff.ts';
import { backoffMs } from '../../src/core/backoff.ts';
import {
  type Classification,
  decide,
  decideAfterLosses,
  isExpired,
  type Outcome,
} from '../../src/core/outcome.ts';
import { storedEvent } from '../support/events.ts';

const NOW = Date.UTC(2024, 1, 29, 12, 0, 0);

const policies: fc.Arbitrary<RetryPolicy> = fc.record({
  retries: fc.nat(20),
  baseDelayMs: fc.nat(86_400_000),
  factor: fc.double({ min: 1, max: 100, noNaN: true }),
  maxDelayMs: fc.nat(604_800_000),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
});
const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const failures: fc.Arbitrary<Extract<Classification, { kind: 'failed' }>> = fc.record({
  kind: fc.constant('failed' as const),
  // A crash is no answer: it has a test of its own.
  failureClass: fc.constantFrom(...FAILURE_CLASSES.filter((failureClass) => failureClass !== 'crash')),
  status: fc.constantFrom(0, 302, 400, 401, 422, 429, 500, 503),
  response: fc.string(),
});
const retryAfters = fc.oneof(
  fc.nat().map((seconds) => ({ header: String(seconds), ms: seconds * 1000 })),
  fc
    .integer({ min: -100_000, max: 10_000_000 })
    .map((seconds) => ({ header: new Date(NOW + seconds * 1000).toUTCString(), ms: seconds * 1000 })),
);

test('never more than retries + 1 attempts, and never fewer', () => {
  fc.assert(
    fc.property(
      policies,
      fc.array(failures, { minLength: 21, maxLength: 21 }),
      randoms,
      (policy, row, random) => {
        let attempt = 0;
        let outcome: Outcome;
        do {
          attempt += 1;
          const classification = row[attempt - 1] ?? row[0];
          if (classification === undefined) throw new Error('the row is empty');
          outcome = decide({ classification, attempt, policy, now: NOW, random });
        } while (outcome.kind === 'retry');
        expect(outcome.kind).toBe('dead');
        expect(attempt).toBe(policy.retries + 1);
      },
    ),
  );
});

test('a retry is due within the longest delay, and not before now', () => {
  const withHeader = fc.tuple(failures, fc.option(retryAfters));
  fc.assert(
    fc.property(policies, withHeader, fc.nat(20), randoms, (policy, [failed, wish], attempt, random) => {
      const classification = wish === null ? failed : { ...failed, retryAfter: wish.header };
      const outcome = decide({ classification, attempt: attempt + 1, policy, now: NOW, random });
      if (outcome.kind !== 'retry') return;
      expect(outcome.dueAt).toBeGreaterThanOrEqual(NOW);
      expect(outcome.dueAt).toBeLessThanOrEqual(NOW + policy.maxDelayMs);
    }),
  );
});

test('those who were told the same Retry-After come back one after the other, none sooner', () => {
  const policy = { retries: 5, baseDelayMs: 100, factor: 1, maxDelayMs: 3_600_000, jitter: 0.1 };
  const failed = { kind: 'failed', failureClass: 'server_error', status: 503, response: '' } as const;
  const dueWith = (random: number): number => {
    const classification = { ...failed, retryAfter: '60' };
    const outcome = decide({ classification, attempt: 1, policy, now: NOW, random });
    return outcome.kind === 'retry' ? outcome.dueAt - NOW : Number.NaN;
  };
  expect([dueWith(0), dueWith(0.5), dueWith(0.99)]).toEqual([60_000, 63_000, 65_940]);
});

test('Retry-After lengthens a delay up to the longest one, and never shortens it', () => {
  fc.assert(
    fc.property(policies, failures, retryAfters, randoms, (policy, failed, { header, ms }, random) => {
      const base = { attempt: 1, policy: { ...policy, retries: 5 }, now: NOW, random };
      const plain = decide({ ...base, classification: failed });
      const wished = decide({ ...base, classification: { ...failed, retryAfter: header } });
      if (plain.kind !== 'retry' || wished.kind !== 'retry')
        throw new Error('the first attempt is not the last');
      const least = NOW + Math.min(ms, policy.maxDelayMs, 3_600_000);
      expect(wished.dueAt).toBeGreaterThanOrEqual(Math.max(plain.dueAt, least));
      const most = Math.min(Math.min(ms, 3_600_000) * (1 + policy.jitter) + 1, policy.maxDelayMs);
      expect(wished.dueAt).toBeLessThanOrEqual(Math.max(plain.dueAt, NOW + most));
    }),
  );
});

test('every failure class is handled alike', () => {
  fc.assert(
    fc.property(policies, failures, failures, fc.nat(20), randoms, (policy, one, other, attempt, random) => {
      const base = { attempt: attempt + 1, policy, now: NOW, random };
      expect(decide({ ...base, classification: one })).toEqual(decide({ ...base, classification: other }));
    }),
  );
});

test('what was delivered is delivered, whichever attempt it was', () => {
  fc.assert(
    fc.property(
      policies,
      fc.integer({ min: 200, max: 299 }),
      fc.nat(30),
      randoms,
      (policy, status, n, random) => {
        const classification = { kind: 'delivered', status } as const;
        expect(decide({ classification, attempt: n + 1, policy, now: NOW, random })).toEqual(classification);
      },
    ),
  );
});

test('backoff stays within its jitter and the longest delay', () => {
  fc.assert(
    fc.property(policies, fc.integer({ min: 1, max: 20 }), randoms, (policy, retry, random) => {
      const delay = backoffMs(policy, retry, random);
      const plain = Math.min(policy.maxDelayMs, policy.baseDelayMs * policy.factor ** (retry - 1));
      expect(Number.isInteger(delay)).toBe(true);
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThanOrEqual(policy.maxDelayMs);
      expect(delay).toBeGreaterThanOrEqual(Math.floor(plain * (1 - policy.jitter)));
      expect(delay).toBeLessThanOrEqual(Math.ceil(plain * (1 + policy.jitter)));
    }),
  );
});

test('without jitter, backoff never becomes shorter', () => {
  fc.assert(
    fc.property(policies, fc.integer({ min: 1, max: 20 }), randoms, (policy, retry, random) => {
      const steady = { ...policy, jitter: 0 };
      expect(backoffMs(steady, retry + 1, random)).toBeGreaterThanOrEqual(backoffMs(steady, retry, random));
    }),
  );
});

test('the defaults: 15 s, 75 s, 6 min, 31 min, 2.6 h', () => {
  const { retry } = clientConfigSchema.parse({
    baseUrl: 'https://returns.acme.example',
    endpoints: { disposition_update: '/dispositions' },
  });
  const delays = [1, 2, 3, 4, 5].map((n) => backoffMs(retry, n, 0.5) / 1000);
  expect(delays).toEqual([15, 75, 375, 1_875, 9_375]);
  expect(backoffMs(retry, 1, 0)).toBe(13_500);
  expect(backoffMs(retry, 1, 1 - Number.EPSILON)).toBe(16_500);
});

test('a crash is dead at once, whatever retries are left', () => {
  const classification = { kind: 'failed', failureClass: 'crash', status: 0, response: '' } as const;
  const policy = { retries: 5, baseDelayMs: 1, factor: 1, maxDelayMs: 1, jitter: 0 };
  expect(decide({ classification, attempt: 1, policy, now: 0, random: 0 })).toEqual({ kind: 'dead' });
});

test('an event expires right after its age, counted from its acceptance or its latest replay', () => {
  const hours = fc.integer({ min: 1, max: 8_760 });
  const times = fc.integer({ min: 0, max: NOW });
  fc.assert(
    fc.property(hours, times, fc.option(times), (maxAgeHours, acceptedAt, replayedAt) => {
      const replay = replayedAt === null ? {} : { life: 1, replayedAt };
      const event = storedEvent(1, { id: uuidv7({ msecs: acceptedAt }), ...replay });
      const oldest = (replayedAt ?? acceptedAt) + maxAgeHours * 3_600_000;
      expect(isExpired(event, maxAgeHours, oldest)).toBe(false);
      expect(isExpired(event, maxAgeHours, oldest + 1)).toBe(true);
      expect(isExpired(event, maxAgeHours, replayedAt ?? acceptedAt)).toBe(false);
    }),
  );
});

test.each([
  [50, 0, false, 'send'],
  [50, 2, true, 'send'],
  [50, 3, false, 'split'],
  [2, 40, true, 'split'],
  [1, 2, true, 'send'],
  [1, 3, false, 'send_suspected'],
  [1, 10, true, 'wait'],
  [1, 11, true, 'dead'],
])(
  '%d events with %d lost processes (another suspect under way: %s): %s',
  (events, losses, another, fate) => {
    expect(decideAfterLosses(events, losses, another)).toBe(fate);
  },
);
