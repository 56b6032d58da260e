import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import type { FinishedEvent } from '../../src/core/settlement.ts';
import {
  deliveredSlot,
  deliveredTail,
  packDelivered,
  RECORD_HEAD,
  RECORD_TAIL,
  readRecordHead,
} from '../../src/queue/delivered-record.ts';

const AT = Date.UTC(2026, 2, 1, 14, 3, 7, 250);
const SLOT_MS = 2 ** 16;
const FIRST_MS = Math.ceil(AT / SLOT_MS) * SLOT_MS;

function finished(id: string, status: number | undefined = 200): FinishedEvent {
  const event = { id, type: 'x', unit: 'u', body: '{}' };
  return { event, outcome: { kind: 'delivered', status } };
}

const idAt = (ms: number): string => uuidv7({ msecs: FIRST_MS + ms });
const tailsOf = (text: string): string[] => text.slice(RECORD_HEAD).match(/.{8}/g) ?? [];

test('a batch becomes one record that says when, with which status, and which events', () => {
  const ids = Array.from({ length: 50 }, (_, i) => idAt(i));
  const records = packDelivered(
    ids.map((id) => finished(id)),
    AT,
  );
  expect(records).toHaveLength(1);
  const { slot = '', text = '' } = records[0] ?? {};
  expect(slot).toBe(deliveredSlot(ids[0] ?? ''));
  expect(text).toHaveLength(RECORD_HEAD + 50 * RECORD_TAIL);
  expect(readRecordHead(text.slice(0, RECORD_HEAD))).toEqual({ at: AT, status: 200 });
  expect(tailsOf(text)).toEqual(ids.map(deliveredTail));
});

test('events of other statuses and of other times stand in records of their own, however they are mixed', () => {
  const [a, b, c, d] = [idAt(0), idAt(0), idAt(SLOT_MS), idAt(1)];
  const batch = [finished(a), finished(b, 201), finished(c), finished(d)];
  const records = packDelivered(batch, AT).map(({ slot, text }) => ({
    slot,
    status: readRecordHead(text.slice(0, RECORD_HEAD)).status,
    tails: tailsOf(text),
  }));
  expect(records).toHaveLength(3);
  const slot = deliveredSlot(a);
  expect(records).toContainEqual({ slot, status: 200, tails: [deliveredTail(a), deliveredTail(d)] });
  expect(records).toContainEqual({ slot, status: 201, tails: [deliveredTail(b)] });
  expect(records).toContainEqual({ slot: deliveredSlot(c), status: 200, tails: [deliveredTail(c)] });
});

test('what was not delivered is left out, and what has no id of ours puts nothing out of place', () => {
  const event = finished(uuidv7()).event;
  const others: FinishedEvent[] = [
    { event, outcome: { kind: 'dead' } },
    { event, outcome: { kind: 'retry', dueAt: AT } },
    finished('short'),
    finished('an id of the right length but no UUID'.slice(0, 36)),
  ];
  expect(packDelivered(others, AT)).toEqual([]);
});
