import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockedMs, extendBlock, NO_BLOCK } from '../../src/auth/renewal-block.ts';

describe('renewal backoff', () => {
  it('blocks for 5 s, doubling to 60 s', () => {
    let now = 1_000;
    let backoff = NO_BLOCK;
    const blocks = [];
    for (let n = 0; n < 6; n += 1) {
      backoff = extendBlock(backoff, now);
      blocks.push(blockedMs(backoff, now));
      now = backoff.until;
      expect(blockedMs(backoff, now)).toBe(0);
    }
    expect(blocks).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  });

  it('does not block before anything failed', () => {
    expect(blockedMs(NO_BLOCK, 0)).toBe(0);
    expect(blockedMs(NO_BLOCK, -5)).toBe(0);
  });

  it('blocks for as long as the token service asks for, if that is longer, up to an hour', () => {
    expect(blockedMs(extendBlock(NO_BLOCK, 0, 4_999), 0)).toBe(5_000);
    expect(blockedMs(extendBlock(NO_BLOCK, 0, 300_000), 0)).toBe(300_000);
    expect(blockedMs(extendBlock(NO_BLOCK, 0, 1e12), 0)).toBe(3_600_000);
  });

  it('never blocks for less than 5 s or more than 60 s', () => {
    fc.assert(
      fc.property(fc.nat(5_000), fc.nat(1e9), (failures, now) => {
        const ms = blockedMs(extendBlock({ failures, until: 0 }, now), now);
        expect(ms).toBeGreaterThanOrEqual(5_000);
        expect(ms).toBeLessThanOrEqual(60_000);
      }),
    );
  });
});
