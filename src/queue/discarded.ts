import { type Actor, KEEP_AUDIT_MS } from '../core/audit.ts';
import type { HistoryEntry, StoredEvent } from '../core/event.ts';
import { timeOf } from './audit.ts';
import {
  compactBytes,
  hasCompactId,
  idBytes,
  packLives,
  readEvent,
  readLives,
  typeCode,
  typeOfCode,
  writeEvent,
} from './compact-event.ts';
import { defineScript } from './define-script.ts';
import { discardedKey } from './names.ts';
import { FIND_DISCARDED } from './scripts/note-action.ts';
import type { Connection } from './servers.ts';

const findScript = defineScript('find-discarded', FIND_DISCARDED);

/** Steps that are read in one go; each has 50 events at most by default. */
const STEPS = 200;
const TYPE_AT = compactBytes();
const LIVES_AT = TYPE_AT + 2;

/** Who discarded an event, and when (ms since the epoch). */
export interface Discard {
  readonly at: number;
  readonly by: Actor;
}

/** A discarded event as it is remembered. */
export interface DiscardedEvent extends Discard {
  readonly id: string;
  /** The fingerprint of its unit. */
  readonly unitPrint: number;
  /** Undefined: this version does not know it. */
  readonly type: string | undefined;
  /** The failed attempts of each life. */
  readonly lives: readonly (readonly HistoryEntry[])[];
}

/** What is kept of a discarded event; empty: nothing can be. */
export function packDiscarded(event: StoredEvent): Buffer {
  if (!hasCompactId(event)) return Buffer.alloc(0);
  const bytes = Buffer.alloc(LIVES_AT);
  writeEvent(event, bytes, 0);
  bytes.writeUInt16BE(typeCode(event.type), TYPE_AT);
  return Buffer.concat([bytes, packLives(event)]);
}

/** Reads what `packDiscarded` made. @param wanted undefined is returned for a unit with another fingerprint */
export function readDiscard(bytes: Buffer, discard: Discard, wanted?: number): DiscardedEvent | undefined {
  const event = readEvent(bytes, 0, '', wanted);
  if (event === undefined) return undefined;
  const type = typeOfCode(bytes.readUInt16BE(TYPE_AT));
  return { ...event, type, ...discard, lives: readLives(bytes, LIVES_AT) };
}

/** Finds an event among the discarded ones, as it was discarded last. @param now ms since the epoch */
export async function findDiscarded(
  redis: Connection,
  client: string,
  id: string,
  now: number,
): Promise<DiscardedEvent | undefined> {
  const oldest = now - KEEP_AUDIT_MS;
  for (let from = '+'; from !== ''; ) {
    const answer = await findScript(redis, [discardedKey(client)], [from, oldest, idBytes(id)]);
    const [step, , next] = answer as [step: string, by: string, next: string];
    if (step !== '') {
      const [entry] = await redis.xrangeBuffer(discardedKey(client), step, step);
      return entry && discardsOf(entry).find((event) => event.id === id);
    }
    from = next;
  }
  return undefined;
}

/**
 * Reads a client's discarded events, in the order of that.
 *
 * @param from ms since the epoch
 * @param wanted leaves out those of units with other fingerprints
 */
export async function* readDiscarded(
  redis: Connection,
  client: string,
  from: number,
  wanted?: number,
): AsyncGenerator<readonly DiscardedEvent[]> {
  for (let start = String(Math.max(0, from)); ; ) {
    const steps = await redis.xrangeBuffer(discardedKey(client), start, '+', 'COUNT', STEPS);
    yield steps.flatMap((entry) => discardsOf(entry, wanted));
    const last = steps.at(-1);
    if (last === undefined || steps.length < STEPS) return;
    start = `(${last[0]}`;
  }
}

/** The events of one step, as the stream has it. */
function discardsOf([step, [, by, ...fields]]: [Buffer, Buffer[]], wanted?: number): DiscardedEvent[] {
  const discard = { at: timeOf(String(step)), by: JSON.parse(String(by)) as Actor };
  const records = fields.filter((_, i) => i % 2 === 1);
  return records.flatMap((bytes) => readDiscard(bytes, discard, wanted) ?? []);
}
