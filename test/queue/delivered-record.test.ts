import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import { FAILURE_CLASSES } from '../../src/core/attempt-result.ts';
import type { HistoryEntry, StoredEvent } from '../../src/core/event.ts';
import { EVENT_TYPE_NAMES } from '../../src/core/event-types.ts';
import type { FinishedEvent } from '../../src/core/settlement.ts';
import { typeCode, unitPrint } from '../../src/queue/compact-event.ts';
import { deliveredSlot, packDelivered, readRecord } from '../../src/queue/delivered-record.ts';
import { packDiscarded, readDiscard } from '../../src/queue/discarded.ts';

const AT = Date.UTC(2026, 2, 1, 14, 3, 7, 250);
const SLOT_MS = 2 ** 16;
const FIRST_MS = Math.ceil(AT / SLOT_MS) * SLOT_MS;
const TYPE = 'disposition_update';

const idAt = (ms: number): string => uuidv7({ msecs: FIRST_MS + ms });
const delivered = (changes: Partial<StoredEvent> = {}, status = 200): FinishedEvent => ({
  event: { id: idAt(0), type: TYPE, unit: 'u', body: '{}', ...changes },
  outcome: { kind: 'delivered', status },
});
/** What is read of what was packed. */
const readAll = (finished: readonly FinishedEvent[]) =>
  packDelivered(finished, AT).flatMap(({ slot, bytes }) => readRecord(bytes, slot));

const entry = fc.tuple(
  fc.integer({ min: 0, max: 2 ** 47 }),
  fc.integer({ min: 0, max: 599 }),
  fc.constantFrom(...FAILURE_CLASSES),
  fc.integer({ min: 0, max: 2 ** 24 - 1 }),
);
const life = fc.array(entry, { maxLength: 21 });

test('a batch becomes one record that says when, with which status, and which events', () => {
  const events = Array.from({ length: 50 }, (_, i) => delivered({ id: idAt(i), unit: `unit ${i}` }));
  const records = packDelivered(events, AT);
  expect(records).toHaveLength(1);
  expect(records[0]?.slot).toBe(deliveredSlot(idAt(0)));
  expect(records[0]?.bytes).toHaveLength(10 + 50 * 17);
  expect(readAll(events)).toEqual(
    events.map(({ event: { id, unit } }) => ({
      ...{ id, unitPrint: unitPrint(unit), type: TYPE, at: AT, status: 200, lives: [[]] },
    })),
  );
});

test('events of other statuses and of other times stand in records of their own, however they are mixed', () => {
  const [a, b, c, d] = [idAt(0), idAt(0), idAt(SLOT_MS), idAt(1)];
  const batch = [delivered({ id: a }), delivered({ id: b }, 201), delivered({ id: c }), delivered({ id: d })];
  expect(packDelivered(batch, AT)).toHaveLength(3);
  const read = readAll(batch).map(({ id, status }) => ({ id, status }));
  expect(read).toEqual([
    { id: a, status: 200 },
    { id: d, status: 200 },
    { id: b, status: 201 },
    { id: c, status: 200 },
  ]);
});

test('whatever failed before is kept with the event, in 12 bytes an attempt, life by life', () => {
  fc.assert(
    fc.property(life, fc.array(life, { maxLength: 10 }), fc.string(), (history, earlier, unit) => {
      const one = delivered({ unit, history, ...(earlier.length > 0 && { earlier }) });
      const [read] = readAll([delivered({ id: idAt(1) }), one, delivered({ id: idAt(2) })]).filter(
        ({ id }) => id === one.event.id,
      );
      expect(read).toMatchObject({
        unitPrint: unitPrint(unit),
        at: AT,
        status: 200,
        lives: [...earlier, history],
      });
      const attempts = [...earlier, history].flat().length;
      const bytes = packDelivered([one], AT)[0]?.bytes.length ?? 0;
      expect(bytes).toBe(10 + 17 + earlier.length + 1 + 12 * attempts);
    }),
  );
});

test('a discarded event keeps its id, a fingerprint of its unit, its type and its attempts', () => {
  const history: HistoryEntry[] = [[AT, 503, 'server_error', 12]];
  const { event } = delivered({ unit: 'LPN-1', history, earlier: [history] });
  const by = { user: 'jane', host: 'a' };
  expect(readDiscard(packDiscarded(event), { at: AT, by })).toEqual({
    ...{ id: event.id, unitPrint: unitPrint('LPN-1'), type: TYPE, at: AT, by, lives: [history, history] },
  });
  expect(packDiscarded({ ...event, id: 'short' })).toHaveLength(0);
});

test('what was not delivered is left out, and what has no id of ours puts nothing out of place', () => {
  const { event } = delivered();
  const others: FinishedEvent[] = [
    { event, outcome: { kind: 'dead' } },
    { event, outcome: { kind: 'retry', dueAt: AT } },
    delivered({ id: 'short' }),
    delivered({ id: 'an id of the right length but no UUID'.slice(0, 36) }),
  ];
  expect(packDelivered(others, AT)).toEqual([]);
});

test('fingerprints tell types apart, and a hundred thousand units', () => {
  expect(new Set(EVENT_TYPE_NAMES.map(typeCode)).size).toBe(EVENT_TYPE_NAMES.length);
  const units = Array.from({ length: 100_000 }, (_, n) => `LPN-${String(n).padStart(8, '0')}`);
  const prints = units.map(unitPrint);
  expect(new Set(prints).size).toBe(units.length);
  // Each of the 40 bits is set in about half of them.
  for (let bit = 0; bit < 40; bit += 1) {
    const set = prints.filter((print) => Math.floor(print / 2 ** bit) % 2 === 1).length;
    expect(set, `bit ${bit}`).toBeGreaterThan(48_000);
    expect(set, `bit ${bit}`).toBeLessThan(52_000);
  }
});
