import { expect, test } from 'vitest';
import {
  causeToOpen,
  type EndpointNews,
  nextStep,
  type OpenIncident,
} from '../../src/core/incident-steps.ts';

const NOW = 10_000_000;
const NEWS: EndpointNews = {
  ...{ type: 'disposition_update', state: 'open', stateSince: 0, downFrom: 0, failing: false },
  ...{ judged: 0, judgedFrom: 0 },
};
const INCIDENT: OpenIncident = {
  ...NEWS,
  client: 'acme',
  cause: 'died',
  openedAt: 1,
  failingSince: 0,
  lastAt: 1,
  count: 7,
  diedAgain: 0,
  left: 7,
  failures: [],
  told: 7,
  toldDown: 0,
  deliveredBefore: 100,
  replayed: 0,
};
const DOWN: Partial<OpenIncident> = {
  ...{ cause: 'down', openedAt: NOW - 60_000, count: 0, left: 0, told: 0 },
  ...{ state: 'down', stateSince: NOW - 60_000, downFrom: NOW - 72_000 },
};

function step(changes: Partial<OpenIncident>, dead = 9, delivered = 100, isUnderWay = true): string {
  const events = { waiting: 0, inFlight: 0, retrying: isUnderWay ? 1 : 0, dead, delivered };
  return nextStep({ ...INCIDENT, ...changes }, events, { now: NOW, downAfterMs: 60_000 });
}

test('an incident is told when it opens, however short it is, and when it grows tenfold', () => {
  expect(step({ told: 0, left: 0 }, 0, 0, false)).toBe('opened');
  expect(step({ cause: 'judged', count: 0, left: 0, told: 0 })).toBe('opened');
  expect([step({ count: 69 }), step({ count: 70 }), step({ count: 5_000 })]).toEqual([
    'nothing',
    'grew',
    'grew',
  ]);
});

test('that an endpoint is down is told after a minute, or at its first dead letter; if it came back for five minutes it is dropped', () => {
  expect(step({ ...DOWN, openedAt: NOW - 59_999 })).toBe('nothing');
  expect(step(DOWN)).toBe('opened');
  expect(step({ ...DOWN, openedAt: NOW - 5, count: 1 })).toBe('opened');
  expect(step({ ...DOWN, state: 'recovering' })).toBe('opened');
  expect(step({ ...DOWN, state: 'slowed', failing: true })).toBe('opened');
  expect(step({ ...DOWN, state: 'slowed' })).toBe('nothing');
  expect(step({ ...DOWN, state: 'open', openedAt: NOW - 500_000, stateSince: NOW - 299_999 })).toBe(
    'nothing',
  );
  expect(step({ ...DOWN, state: 'open', openedAt: NOW - 500_000, stateSince: NOW - 300_000 })).toBe(
    'dropped',
  );
});

test('an incident with dead letters is told once more if its endpoint has been down for a minute', () => {
  const down = { state: 'down', stateSince: NOW - 60_000 } as const;
  expect(step(down)).toBe('down');
  expect(step({ ...down, stateSince: NOW - 59_999 })).toBe('nothing');
  expect(step({ ...down, toldDown: 1 })).toBe('nothing');
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

test('it closes only when the endpoint has been open for five minutes', () => {
  const over = { ...DOWN, told: 1, toldDown: 1, state: 'open' } as const;
  expect(step({ ...over, stateSince: NOW - 299_999 }, 0, 101)).toBe('nothing');
  expect(step({ ...over, stateSince: NOW - 300_000 }, 0, 101)).toBe('delivered');
  expect(step({ ...over, state: 'slowed', stateSince: 0 }, 0, 101)).toBe('nothing');
  expect(step({ ...over, stateSince: 0 }, 0, 100, false)).toBe('quiet');
});

test('an incident of refused events stays open while they are tried again and none is delivered', () => {
  const refused = { cause: 'judged', count: 0, left: 0, told: 1 } as const;
  expect(step(refused, 0, 100)).toBe('nothing');
  expect(step(refused, 0, 101)).toBe('delivered');
});

test('an endpoint gets an incident if it is down, or if it refused a hundred in a row that began five minutes ago', () => {
  const refusing = { ...NEWS, judged: 100, judgedFrom: NOW - 300_000 };
  expect(causeToOpen({ ...NEWS, state: 'down' }, NOW)).toBe('down');
  expect(causeToOpen({ ...NEWS, state: 'recovering' }, NOW)).toBeUndefined();
  expect(causeToOpen(refusing, NOW)).toBe('judged');
  expect(causeToOpen({ ...refusing, judged: 99 }, NOW)).toBeUndefined();
  expect(causeToOpen({ ...refusing, judgedFrom: NOW - 299_999 }, NOW)).toBeUndefined();
});
