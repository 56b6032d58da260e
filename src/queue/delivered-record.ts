import type { HistoryEntry, StoredEvent } from '../core/event.ts';
import type { FinishedEvent } from '../core/settlement.ts';
import {
  compactBytes,
  hasCompactId,
  packLives,
  readEvent,
  readLives,
  typeCode,
  typeOfCode,
  writeEvent,
} from './compact-event.ts';

/*
 * Delivered events are remembered in lists: one for each 2^16 ms (65.5 s) of the time in their ids, which is the
 * first eight digits of a UUIDv7, so that an id names its list without any arithmetic. A settled batch adds one
 * element to a list: the time, the type, the status, and 17 bytes for each event that was delivered at the first
 * attempt. Any other event has an element of its own, with its failed attempts.
 *
 * Measured on Redis 7.0: MEASURED
 */

/** How much of an id its list tells. */
export const SLOT_BYTES = 4;
/** The length of what precedes the events of an element: the time in 6 bytes, the type, the status. */
export const RECORD_HEAD = 10;
/** The length of an event in an element. */
export const RECORD_EVENT = compactBytes(SLOT_BYTES);
/** Beside the status: one event follows, and its failed attempts. */
const HAS_ATTEMPTS = 0x8000;

/** A delivered event as it is remembered. */
export interface DeliveredEvent {
  readonly id: string;
  /** The fingerprint of its unit. */
  readonly unitPrint: number;
  /** Undefined: this version does not know it. */
  readonly type: string | undefined;
  /** When that was written down, ms since the epoch. */
  readonly at: number;
  readonly status: number;
  /** The failed attempts of each life. */
  readonly lives: readonly (readonly HistoryEntry[])[];
}

/** Which list an event is remembered in: the first eight digits of its id. */
export function deliveredSlot(id: string): string {
  return id.slice(0, SLOT_BYTES * 2);
}

/**
 * Packs those of a batch's events that were delivered: mostly into one element.
 *
 * @param at when they are written down, ms since the epoch
 * @returns elements, each with the slot of its list
 */
export function packDelivered(finished: readonly FinishedEvent[], at: number) {
  const groups: { readonly slot: string; readonly status: number; readonly events: StoredEvent[] }[] = [];
  for (const { event, outcome } of finished) {
    if (outcome.kind !== 'delivered' || !hasCompactId(event)) continue;
    const { status } = outcome;
    const hasFailed = event.history !== undefined || event.earlier !== undefined;
    // On the path of every event: mostly there is one group, and no slot is cut out to find it.
    let group = hasFailed
      ? undefined
      : groups.find((one) => one.status === status && event.id.startsWith(one.slot));
    if (group === undefined) {
      const marked = hasFailed ? status + HAS_ATTEMPTS : status;
      group = { slot: deliveredSlot(event.id), status: marked, events: [] };
      groups.push(group);
    }
    group.events.push(event);
  }
  return groups.map(({ slot, status, events }) => ({ slot, bytes: packElement(at, status, events) }));
}

function packElement(at: number, status: number, events: readonly StoredEvent[]): Buffer {
  const [first] = events as readonly [StoredEvent];
  const bytes = Buffer.allocUnsafe(RECORD_HEAD + events.length * RECORD_EVENT);
  bytes.writeUIntBE(at, 0, 6);
  bytes.writeUInt16BE(typeCode(first.type), 6);
  bytes.writeUInt16BE(status, 8);
  for (const [i, event] of events.entries())
    writeEvent(event, bytes, RECORD_HEAD + i * RECORD_EVENT, SLOT_BYTES);
  return status < HAS_ATTEMPTS ? bytes : Buffer.concat([bytes, packLives(first)]);
}

/** The time and the status that an element tells. */
export function readRecordHead(bytes: Buffer): { readonly at: number; readonly status: number } {
  return { at: bytes.readUIntBE(0, 6), status: bytes.readUInt16BE(8) % HAS_ATTEMPTS };
}

/** Reads the events of an element. @param slot of its list */
export function readRecord(bytes: Buffer, slot: string): DeliveredEvent[] {
  const type = typeOfCode(bytes.readUInt16BE(6));
  const head = { type, ...readRecordHead(bytes) };
  const hasAttempts = bytes.readUInt16BE(8) >= HAS_ATTEMPTS;
  const end = hasAttempts ? RECORD_HEAD + RECORD_EVENT : bytes.length;
  const lives = hasAttempts ? readLives(bytes, end) : [[]];
  const events: DeliveredEvent[] = [];
  for (let at = RECORD_HEAD; at < end; at += RECORD_EVENT)
    events.push({ ...readEvent(bytes, at, slot), ...head, lives });
  return events;
}
