import { expect, expectTypeOf, test } from 'vitest';
import type { dispositionUpdate } from '../../src/core/event-types/disposition-update.ts';
import { EVENT_TYPE_NAMES, EVENT_TYPES, findEventType, type PayloadOf } from '../../src/core/event-types.ts';

test('types are found by name, and by nothing else', () => {
  expect(EVENT_TYPE_NAMES.slice(0, 2)).toEqual(['disposition_update', 'inventory_receipt']);
  expect(new Set(EVENT_TYPE_NAMES).size).toBe(EVENT_TYPES.length);
  expect(new Set(EVENT_TYPES.map(({ path }) => path)).size).toBe(EVENT_TYPES.length);
  for (const type of EVENT_TYPES) expect(findEventType(type.name)).toBe(type);
  for (const name of ['', 'Disposition_Update', 'constructor', '__proto__']) {
    expect(findEventType(name)).toBeUndefined();
  }
});

test('a payload is typed by its event type', () => {
  expectTypeOf(findEventType('disposition_update')).toEqualTypeOf<typeof dispositionUpdate>();
  expectTypeOf<PayloadOf<'disposition_update'>['upc']>().toEqualTypeOf<string | number>();
  expectTypeOf<PayloadOf<'disposition_update'>['to_condition']>().toEqualTypeOf<
    'N' | 'TT' | 'R' | 'A' | 'B' | 'C' | 'X'
  >();
  expectTypeOf<PayloadOf<'inventory_receipt'>['to']['identifier']>().toEqualTypeOf<number>();
  expectTypeOf<PayloadOf<'inventory_receipt'>['other']>().toEqualTypeOf<unknown>();
  expectTypeOf<{ upc: string }>().not.toMatchTypeOf<PayloadOf<'disposition_update'>>();
});
