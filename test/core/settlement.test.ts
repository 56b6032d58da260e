import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StoredEvent } from '../../src/core/event.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { type FinishedEvent, planSettlement, TOGETHER_MS } from '../../src/core/settlement.ts';

const NOW = Date.UTC(2024, 1, 29, 12, 0, 0);

const eventOf = (n: number): StoredEvent => ({ id: `event-${n}`, type: 'x', unit: `unit-${n}`, body: '{}' });
const idsOf = (events: readonly StoredEvent[]): string[] => events.map((event) => event.id);

const outcomes: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constant<Outcome>({ kind: 'delivered', status: 200 }),
  fc.constant<Outcome>({ kind: 'dead' }),
  fc.nat(2_000).map<Outcome>((ms) => ({ kind: 'retry', dueAt: NOW + ms })),
);
const results: fc.Arbitrary<FinishedEvent[]> = fc
  .array(outcomes, { maxLength: 60 })
  .map((list) => list.map((outcome, n) => ({ event: eventOf(n), outcome })));
const unfinishedOf = (count: number): StoredEvent[] =>
  Array.from({ length: count }, (_, n) => eventOf(1_000 + n));

test('no event is lost or doubled: what failed is dead, apart or stays', () => {
  fc.assert(
    fc.property(results, fc.nat(5), (finished, count) => {
      const unfinished = unfinishedOf(count);
      const { dead, apart, stay } = planSettlement(finished, unfinished);
      const found = [...idsOf(dead), ...idsOf(apart.map(({ event }) => event)), ...idsOf(stay)];
      const failed = finished
        .filter(({ outcome }) => outcome.kind !== 'delivered')
        .map(({ event }) => event.id);
      expect(found.sort()).toEqual([...failed, ...idsOf(unfinished)].sort());
      expect(idsOf(dead)).toEqual(
        finished.filter(({ outcome }) => outcome.kind === 'dead').map(({ event }) => event.id),
      );
    }),
  );
});

test('none is due early, and together only what is due within the window', () => {
  fc.assert(
    fc.property(results, (finished) => {
      const { apart, stay, dueAt } = planSettlement(finished, []);
      const dueOf = new Map(
        finished.flatMap(({ event, outcome }) =>
          outcome.kind === 'retry' ? [[event.id, outcome.dueAt]] : [],
        ),
      );
      for (const { event, dueAt: due } of apart) expect(due).toBe(dueOf.get(event.id));
      if (stay.length === 0) {
        expect(dueAt).toBeUndefined();
        expect(apart).toEqual([]);
        return;
      }
      const together = stay.map((event) => dueOf.get(event.id) ?? Number.NaN);
      expect(dueAt).toBe(Math.max(...together));
      expect(Math.max(...together) - Math.min(...together)).toBeLessThanOrEqual(TOGETHER_MS);
      expect(Math.min(...together)).toBe(Math.min(...dueOf.values()));
    }),
  );
});

test('while events are unfinished they stay, and every retry leaves as a job of its own', () => {
  fc.assert(
    fc.property(results, fc.integer({ min: 1, max: 5 }), (finished, count) => {
      const unfinished = unfinishedOf(count);
      const { apart, stay, dueAt } = planSettlement(finished, unfinished);
      expect(stay).toEqual(unfinished);
      expect(dueAt).toBeUndefined();
      expect(apart).toHaveLength(finished.filter(({ outcome }) => outcome.kind === 'retry').length);
    }),
  );
});

test('nothing finished, nothing unfinished: nothing to write', () => {
  expect(planSettlement([], [])).toEqual({ dead: [], apart: [], stay: [] });
});
