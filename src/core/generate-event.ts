import { type EventTypeName, findEventType, type PayloadOf } from './event-types.ts';

/**
 * Makes the nth (from 0) of a series of valid, varied payloads of a type, each about a unit of its own.
 * `random` returns numbers in [0, 1); the same numbers make the same payload.
 */
export function generateEvent<Name extends EventTypeName>(
  typeName: Name,
  n: number,
  random: () => number,
): PayloadOf<Name> {
  return findEventType(typeName).generate(n, random) as PayloadOf<Name>;
}
