import type { EventTypeName, PayloadOf } from '../../src/core/event-types.ts';
import { seededRandom } from '../../src/core/random.ts';
import { generateEvent } from '../support/events.ts';

/** The attempts of one life: the first and five retries. */
export const ATTEMPTS = 6;
/** How long the endpoint takes for a slow event. */
export const SLOW_MS = 4_000;
/** The type of all events of a run. */
export const TYPE = 'disposition_update' satisfies EventTypeName;

/**
 * How the endpoint treats an event, by the number of its unit alone, so that whoever judges knows it too:
 *
 * doomed  fails always
 * cured   fails until a sixth attempt was answered: its next life is delivered
 * late    fails its first one to three attempts
 * slow    is delivered after four seconds
 * plain   is delivered at once
 */
export type Fate = 'doomed' | 'cured' | 'late' | 'slow' | 'plain';

const FAILURES = [500, 503, 502, 422, 400, 404] as const;

/** A fifth of the events fail, in one way or another; two in a hundred are slow. */
export function fateOf(unit: number): Fate {
  const share = Math.floor(seededRandom(unit)() * 100);
  if (share < 5) return 'doomed';
  if (share < 10) return 'cured';
  if (share < 20) return 'late';
  return share < 22 ? 'slow' : 'plain';
}

/** The status that an attempt is answered with. `cured`: whether a sixth attempt was answered before. */
export function statusFor(unit: number, attempt: number, cured: boolean): number {
  const failure = FAILURES[unit % FAILURES.length] ?? 500;
  switch (fateOf(unit)) {
    case 'doomed':
      return failure;
    case 'cured':
      return cured ? 200 : failure;
    case 'late':
      return attempt <= ownFailures('late', unit) ? failure : 200;
    case 'slow':
    case 'plain':
      return 200;
  }
}

/** How many attempts at an event of a fate fail, in each life, at an endpoint that is well. */
export function ownFailures(fate: Fate, unit: number): number {
  if (fate === 'late') return 1 + (unit % 3);
  return fate === 'doomed' || fate === 'cured' ? ATTEMPTS : 0;
}

/** A payload about a unit: there is one event for each unit, so that its number tells them apart. */
export function payloadOf(unit: number): PayloadOf<typeof TYPE> {
  return { ...generateEvent(TYPE, unit, seededRandom(unit)), optiturn_lp: `LPCHAOS${unit}` };
}

/** The number of the unit that a body, or a unit's name, is about; undefined where there is none. */
export function unitOf(text: string): number | undefined {
  const digits = /LPCHAOS(\d+)/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
