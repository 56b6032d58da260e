import { v4, v7 } from 'uuid';
import { expect, test } from 'vitest';
import { acceptedAt, parseEventId } from '../../src/core/event-id.ts';

const NOW = Date.UTC(2026, 2, 1, 14, 3, 7, 250);

test('an id is a UUIDv7 in any case, and tells when the event was accepted', () => {
  const id = v7({ msecs: NOW });
  expect(parseEventId(id)).toBe(id);
  expect(parseEventId(` ${id.toUpperCase()}\n`)).toBe(id);
  expect(acceptedAt(id)).toBe(NOW);
});

test.each(['', '1234', v4(), `${v7()}.0`, v7().replaceAll('-', '')])('%j is no id', (text) => {
  expect(parseEventId(text)).toBeUndefined();
});
