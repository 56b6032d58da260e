import { describe, expect, test } from 'vitest';
import type { EventType } from '../../src/core/event-type.ts';
import { EVENT_TYPE_NAMES, type EventTypeName, findEventType } from '../../src/core/event-types.ts';
import { seededRandom } from '../../src/core/random.ts';
import { validatePayload } from '../../src/core/validate-payload.ts';
import { generateEvent } from '../support/events.ts';

const COUNT = 2_000;

describe.each(EVENT_TYPE_NAMES)('%s', (name: EventTypeName) => {
  const type: EventType = findEventType(name);

  function unitsOf(seed: number): string[] {
    const random = seededRandom(seed);
    return Array.from({ length: COUNT }, (_, n) => {
      const result = validatePayload(type, generateEvent(name, n, random));
      if (!result.ok) throw new Error(`event ${n}: ${JSON.stringify(result.problems)}`);
      return result.unit;
    });
  }

  test('payloads are valid, each about a unit of its own', () => {
    expect(new Set(unitsOf(1)).size).toBe(COUNT);
  });

  test('the same numbers make the same payload, others another', () => {
    expect(generateEvent(name, 3, seededRandom(5))).toEqual(generateEvent(name, 3, seededRandom(5)));
    expect(generateEvent(name, 3, seededRandom(5))).not.toEqual(generateEvent(name, 3, seededRandom(6)));
  });

  test('the edges of random do no harm', () => {
    for (const edge of [0, 1 - 2 ** -53]) {
      const payload = generateEvent(name, 0, () => edge);
      expect(validatePayload(type, payload)).toMatchObject({ ok: true });
    }
  });
});

test('a seeded random keeps to [0, 1) and to its seed', () => {
  const [one, other] = [seededRandom(42), seededRandom(42)];
  const numbers = Array.from({ length: 10_000 }, () => one());
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
  expect(numbers.slice(0, 5)).toEqual([other(), other(), other(), other(), other()]);
  expect(numbers.reduce((sum, number) => sum + number) / numbers.length).toBeCloseTo(0.5, 1);
});
