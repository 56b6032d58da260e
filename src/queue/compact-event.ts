import { FAILURE_CLASSES } from '../core/attempt-result.ts';
import type { HistoryEntry, StoredEvent } from '../core/event.ts';
import { EVENT_TYPE_NAMES } from '../core/event-types.ts';
import { livesOf } from '../core/history.ts';

/*
 * An event that is over is kept in few bytes: its id in binary, fingerprints of its unit and its type, and its failed
 * attempts, 12 bytes each.
 */

export const ID_BYTES = 16;
/** A search through a million events meets one of another unit with odds of one in a million. */
const PRINT_BYTES = 5;
const ID_LENGTH = 36;
const DASH = 45;
const SEVEN = 55;
/** Where each byte of an id stands in its text. */
const PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/** Whether an event's id can be kept so: it looks like a UUIDv7. */
export function hasCompactId({ id }: Pick<StoredEvent, 'id'>): boolean {
  return id.length === ID_LENGTH && id.charCodeAt(23) === DASH && id.charCodeAt(14) === SEVEN;
}

/** How many bytes an event takes whose id is written without its first few. */
export function compactBytes(without = 0): number {
  return ID_BYTES - without + PRINT_BYTES;
}

/** Writes an event's id and the fingerprint of its unit. On the path of every event: no text is made for it. */
export function writeEvent(
  { id, unit }: Pick<StoredEvent, 'id' | 'unit'>,
  into: Buffer,
  at: number,
  without = 0,
): void {
  let end = at;
  for (let byte = without; byte < ID_BYTES; byte += 1) {
    const place = PLACES[byte] as number;
    into[end] = digit(id, place) * 16 + digit(id, place + 1);
    end += 1;
  }
  into.writeUIntBE(unitPrint(unit), end, PRINT_BYTES);
}

const NINE = 57;
const DIGIT_ZERO = 48;
const LETTER_BASE = 87;

function digit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code <= NINE ? code - DIGIT_ZERO : code - LETTER_BASE;
}

/**
 * Reads an event: its id, and the fingerprint of its unit.
 *
 * @param begin the digits of the bytes that were left out
 * @param wanted an event of another fingerprint is passed over, before its id is read
 */
export function readEvent(
  bytes: Buffer,
  at: number,
  begin = '',
  wanted?: number,
): { id: string; unitPrint: number } | undefined {
  const end = at + ID_BYTES - begin.length / 2;
  const unitPrint = bytes.readUIntBE(end, PRINT_BYTES);
  if (wanted !== undefined && unitPrint !== wanted) return undefined;
  const digits = begin + bytes.toString('hex', at, end);
  const id = digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  return { id, unitPrint };
}

/** An id in binary, without its first bytes. */
export function idBytes(id: string, without = 0): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex').subarray(without);
}

/** The fingerprint of a unit, 40 bits: FNV-1a twice, mixed as in MurmurHash3. */
export function unitPrint(unit: string): number {
  let [high, low] = [0x811c9dc5, 0x41c6ce57];
  for (let i = 0; i < unit.length; i += 1) {
    const code = unit.charCodeAt(i);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x5bd1e995);
  }
  high = mix(high ^ (low >>> 15));
  low = mix(low ^ (high >>> 13));
  return (high >>> 0) * 0x100 + (low >>> 24);
}

function mix(bits: number): number {
  const once = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return twice ^ (twice >>> 16);
}

const TYPE_CODES = new Map(EVENT_TYPE_NAMES.map((type) => [unitPrint(type) & 0xffff, type]));

/** What stands for an event type, in two bytes. */
export function typeCode(type: string): number {
  return unitPrint(type) & 0xffff;
}

/** The type that a code stands for; undefined: none that this version knows. */
export function typeOfCode(code: number): string | undefined {
  return TYPE_CODES.get(code);
}

const ATTEMPT_BYTES = 12;
const MOST_MS = 0xffffff;
/** Stands for a class that is not in the list. */
const OTHER_CLASS = 255;

/** The failed attempts of all lives that an event has kept. */
export function packLives(event: StoredEvent): Buffer {
  const lives = livesOf(event);
  const attempts = lives.reduce((sum, life) => sum + life.length, 0);
  const bytes = Buffer.alloc(lives.length + attempts * ATTEMPT_BYTES);
  let at = 0;
  for (const life of lives) {
    at = bytes.writeUInt8(life.length, at);
    for (const [ended, status, failureClass, ms] of life) {
      at = bytes.writeUIntBE(ended, at, 6);
      at = bytes.writeUInt16BE(status, at);
      const code = (FAILURE_CLASSES as readonly string[]).indexOf(failureClass);
      at = bytes.writeUInt8(code < 0 ? OTHER_CLASS : code, at);
      at = bytes.writeUIntBE(Math.min(ms, MOST_MS), at, 3);
    }
  }
  return bytes;
}

/** Reads the failed attempts of each life, from a place to the end. */
export function readLives(bytes: Buffer, from: number): HistoryEntry[][] {
  const lives: HistoryEntry[][] = [];
  for (let at = from; at < bytes.length; ) {
    const count = bytes.readUInt8(at);
    at += 1;
    lives.push(Array.from({ length: count }, (_, i) => readAttempt(bytes, at + i * ATTEMPT_BYTES)));
    at += count * ATTEMPT_BYTES;
  }
  return lives;
}

function readAttempt(bytes: Buffer, at: number): HistoryEntry {
  const failureClass = FAILURE_CLASSES[bytes.readUInt8(at + 8)] ?? '';
  return [bytes.readUIntBE(at, 6), bytes.readUInt16BE(at + 6), failureClass, bytes.readUIntBE(at + 9, 3)];
}
