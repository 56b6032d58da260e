import { expect, test } from 'vitest';
import { nextStep } from '../../src/incidents/incident-monitor.ts';
import type { OpenIncident } from '../../src/queue/incident-store.ts';

const INCIDENT: OpenIncident = {
  client: 'acme',
  type: 'disposition_update',
  openedAt: 1,
  failingSince: 0,
  lastAt: 1,
  count: 7,
  left: 7,
  failures: [],
  told: 7,
  deliveredBefore: 100,
  replayed: 0,
};

function step(changes: Partial<OpenIncident>, dead = 9, delivered = 100, isUnderWay = true): string {
  const endpoint = { waiting: 0, inFlight: 0, retrying: isUnderWay ? 1 : 0, dead, delivered };
  return nextStep({ ...INCIDENT, ...changes }, endpoint);
}

test('an incident is told when it opens, however short it is, and when it grows tenfold', () => {
  const nothing = { waiting: 0, inFlight: 0, retrying: 0, dead: 0, delivered: 0 };
  expect(nextStep({ ...INCIDENT, told: 0, left: 0 }, nothing)).toBe('opened');
  expect([step({ count: 69 }), step({ count: 70 }), step({ count: 5_000 })]).toEqual([
    'nothing',
    'grew',
    'grew',
  ]);
});

test('it closes when an event of its type was delivered since the last one died, and no dead letter is left', () => {
  expect(step({ left: 1 }, 1, 101)).toBe('nothing');
  expect(step({ left: 0 }, 9, 101)).toBe('delivered');
  expect(step({ left: 0, replayed: 3 }, 9, 101)).toBe('delivered');
  // Those that were replayed may still die again.
  expect(step({ left: 0, replayed: 3 }, 9, 100)).toBe('nothing');
  expect(step({ left: 0, replayed: 3 }, 9, 100, false)).toBe('discarded');
  expect(step({ left: 0, replayed: 0 }, 9, 100)).toBe('discarded');
  // Whatever was counted: where there are no dead letters at all, none is left.
  expect(step({ left: 2 }, 0, 101)).toBe('delivered');
});
