import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockedMs, NO_BACKOFF, strike } from '../../src/auth/renewal-backoff.ts';

describe('renewal backoff', () => {
  it('blocks for 5 s, doubling to 60 s', () => {
    let now = 1_000;
    let backoff = NO_BACKOFF;
    const blocks = [];
    for (let n = 0; n < 6; n += 1) {
      backoff = strike(backoff, now);
      blocks.push(blockedMs(backoff, now));
      now = backoff.blockedUntil;
      expect(blockedMs(backoff, now)).toBe(0);
    }
    expect(blocks).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  });

  it('does not block before anything failed', () => {
    expect(blockedMs(NO_BACKOFF, 0)).toBe(0);
    expect(blockedMs(NO_BACKOFF, -5)).toBe(0);
  });

  it('blocks for as long as the token service asks for, if that is longer, up to an hour', () => {
    expect(blockedMs(strike(NO_BACKOFF, 0, 4_999), 0)).toBe(5_000);
    expect(blockedMs(strike(NO_BACKOFF, 0, 300_000), 0)).toBe(300_000);
    expect(blockedMs(strike(NO_BACKOFF, 0, 1e12), 0)).toBe(3_600_000);
  });

  it('never blocks for less than 5 s or more than 60 s', () => {
    fc.assert(
      fc.property(fc.nat(5_000), fc.nat(1e9), (strikes, now) => {
        const ms = blockedMs(strike({ strikes, blockedUntil: 0 }, now), now);
        expect(ms).toBeGreaterThanOrEqual(5_000);
        expect(ms).toBeLessThanOrEqual(60_000);
      }),
    );
  });
});
