import type { StoredEvent } from '../../src/core/event.ts';
import { type EventType, unitIn } from '../../src/core/event-type.ts';
import type { EventTypeName, PayloadOf } from '../../src/core/event-types.ts';
import { findEventType } from '../../src/core/event-types.ts';
import { generatePayload } from '../../src/core/generate-payload.ts';
import { seededRandom } from '../../src/core/random.ts';
import type { Endpoint } from '../../src/queue/names.ts';

/** The published sample of a type, as a producer submits it. */
export function sampleEvent<Name extends EventTypeName>(type: Name): PayloadOf<Name> {
  return findEventType(type).sample as PayloadOf<Name>;
}

/** A valid payload about unit number `n`; the same number makes the same payload, whatever came before it. */
export function numberedEvent<Name extends EventTypeName>(
  type: Name,
  n: number,
  changes: Partial<PayloadOf<Name>> = {},
): PayloadOf<Name> {
  return { ...generateEvent(type, n, seededRandom(n)), ...changes };
}

/** Valid payloads about the units `from` to `from + count - 1`. */
export function numberedEvents<Name extends EventTypeName>(
  type: Name,
  count: number,
  from = 0,
): PayloadOf<Name>[] {
  return Array.from({ length: count }, (_, index) => numberedEvent(type, from + index));
}

/** The unit that a payload is about. */
export function unitOfEvent<Name extends EventTypeName>(type: Name, payload: PayloadOf<Name>): string {
  return String(unitIn(findEventType(type) as EventType, payload));
}

/**
 * Makes the nth (from 0) of a series of valid, varied payloads of a type, each about a unit of its own.
 * `random` returns numbers in [0, 1); the same numbers make the same payload.
 */
export function generateEvent<Name extends EventTypeName>(
  typeName: Name,
  n: number,
  random: () => number,
): PayloadOf<Name> {
  return generatePayload(findEventType(typeName) as EventType, n, random) as PayloadOf<Name>;
}

/** The endpoint of a client that most tests send to. */
export function dispositionsOf(client: string): Endpoint {
  return { client, type: 'disposition_update' };
}

/** An event as it stands in a batch, with a body of two bytes, for code that reads no bodies. */
export function storedEvent(n: number, changes: Partial<StoredEvent> = {}): StoredEvent {
  return { id: `event-${n}`, type: 'disposition_update', unit: `unit-${n}`, body: '{}', ...changes };
}
