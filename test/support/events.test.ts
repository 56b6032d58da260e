import { expect, test } from 'vitest';
import { EVENT_TYPE_NAMES, findEventType } from '../../src/core/event-types.ts';
import { numberedEvent, numberedEvents, sampleEvent, unitOfEvent } from './events.ts';

test.each(EVENT_TYPE_NAMES)(
  '%s: sample and numbered events are valid; a number gives the same event and unit each time',
  (type) => {
    const events = numberedEvents(type, 20, 5);
    for (const event of [...events, sampleEvent(type)]) {
      expect(findEventType(type).schema.safeParse(event).success).toBe(true);
    }
    expect(events[2]).toEqual(numberedEvent(type, 7));
    expect(new Set(events.map((event) => unitOfEvent(type, event))).size).toBe(20);
  },
);
