import fc from 'fast-check';
import { expect, test } from 'vitest';
import { heldSince } from '../../src/core/event.ts';
import { isExpired } from '../../src/core/outcome.ts';

const HOUR_MS = 3_600_000;
/** RFC 9562, section 5.7: 2022-02-22T19:22:22Z. */
const ID = '017f22e2-79b0-7cc3-98c4-dc0c0c07398f';
const ACCEPTED = 1_645_557_742_000;
const event = { id: ID, type: 'x', unit: 'U', body: '{}' };

test('an event expires once it is older than its bound, to the millisecond', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8_760 }), fc.option(fc.nat(1e12)), (hours, replayedAt) => {
      const born = replayedAt ?? ACCEPTED;
      const one = replayedAt === null ? event : { ...event, replayedAt };
      expect(heldSince(one)).toBe(born);
      expect(isExpired(one, hours, born + hours * HOUR_MS)).toBe(false);
      expect(isExpired(one, hours, born + hours * HOUR_MS + 1)).toBe(true);
    }),
  );
});
