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
 * Measured on Redis 7.0: 18.4 bytes an event in batches of 50, 29.3 if every batch is a single event, so 1.6 to 2.5 GB
 * for a day at 1,000 a second. A unit is looked for among a million in 0.2 s, or 2 s if every batch is a single event.
 */

/** How much of an id its list tells. */
export const SLOT_BYTES = 4;
/** How much time shares a list. */
export const SLOT_MS = 2 ** 16;
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

/** What an element tells of all its events. */
export interface RecordHead extends Pick<DeliveredEvent, 'type' | 'at' | 'status'> {
  /** Whether it is one event, which failed before. */
  readonly hasAttempts: boolean;
}

/** Which delivered events are wanted; what is absent does not matter. */
export interface WantedDelivered {
  /** The fingerprint of their unit. */
  readonly unitPrint?: number | undefined;
  isMeant?(head: RecordHead): boolean;
}

function readHead(bytes: Buffer): RecordHead {
  const marked = bytes.readUInt16BE(8);
  return {
    at: bytes.readUIntBE(0, 6),
    type: typeOfCode(bytes.readUInt16BE(6)),
    status: marked % HAS_ATTEMPTS,
    hasAttempts: marked >= HAS_ATTEMPTS,
  };
}

/** How many events an element holds. */
export function countEvents(bytes: Buffer): number {
  return readHead(bytes).hasAttempts ? 1 : (bytes.length - RECORD_HEAD) / RECORD_EVENT;
}

/** Reads the events of an element that are wanted. @param slot of its list */
export function readRecord(bytes: Buffer, slot: string, wanted: WantedDelivered = {}): DeliveredEvent[] {
  const record = readHead(bytes);
  if (wanted.isMeant?.(record) === false) return [];
  const { hasAttempts, ...head } = record;
  const end = hasAttempts ? RECORD_HEAD + RECORD_EVENT : bytes.length;
  const lives = hasAttempts ? readLives(bytes, end) : [[]];
  const events: DeliveredEvent[] = [];
  for (let at = RECORD_HEAD; at < end; at += RECORD_EVENT) {
    const event = readEvent(bytes, at, slot, wanted.unitPrint);
    if (event !== undefined) events.push({ ...event, ...head, lives });
  }
  return events;
}
