import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EventType } from '../../../src/core/event-type.ts';
import { validatePayload } from '../../../src/core/validate-payload.ts';

/** What a field may be. A text may be given as a whole number, and goes out as the text that it spells. */
export type Kind =
  | 'text'
  | 'date-time'
  | 'date'
  | 'integer'
  | 'integer from 1'
  | 'number'
  | 'boolean'
  | { readonly oneOf: readonly string[] }
  | { readonly pattern: RegExp; readonly refused: readonly string[] }
  | Fields
  | { readonly listOf: Kind };

/** The fields of an object; a name that ends in `?` may be missing. */
export interface Fields {
  readonly fields: Readonly<Record<string, Field>>;
  /** Whether other fields are kept; otherwise they are refused. */
  readonly open: boolean;
}

/** What a field may be; null only if it is said here. */
type Field = Kind | { readonly orNull: Kind };

/** What the contract says of an event type, written down apart from its schema. */
export interface Contract {
  readonly path: string;
  /** The keys that lead to the unit; its text must not be empty. */
  readonly unit: readonly string[];
  readonly payload: Fields;
}

/** One place of a payload: the keys that lead to it, its kind, and whether it may be missing or null. */
interface Place {
  readonly keys: readonly (string | number)[];
  readonly kind: Kind;
  readonly optional: boolean;
  readonly nullable: boolean;
}

const isFields = (kind: Kind): kind is Fields => typeof kind === 'object' && 'fields' in kind;

function* placesOf({ fields }: Fields, keys: readonly (string | number)[] = []): Generator<Place> {
  for (const [name, field] of Object.entries(fields)) {
    const optional = name.endsWith('?');
    const nullable = typeof field === 'object' && 'orNull' in field;
    const kind = nullable ? field.orNull : (field as Kind);
    const here = [...keys, name.replace(/\?$/, '')];
    yield { keys: here, kind, optional, nullable };
    yield* placesWithin(kind, here);
  }
}

function* placesWithin(kind: Kind, keys: readonly (string | number)[]): Generator<Place> {
  if (isFields(kind)) yield* placesOf(kind, keys);
  if (typeof kind !== 'object' || !('listOf' in kind)) return;
  const item = [...keys, 0];
  yield { keys: item, kind: kind.listOf, optional: false, nullable: false };
  yield* placesWithin(kind.listOf, item);
}

type Json = Record<string | number, unknown>;

function pathOf(keys: readonly (string | number)[]): string {
  return keys.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
}

function valueAt(payload: unknown, keys: readonly (string | number)[]): unknown {
  return keys.reduce<unknown>((value, key) => (value as Json)[key], payload);
}

/** A copy of the payload with another value at a place; `undefined` takes the field away. */
function withValue(payload: unknown, keys: readonly (string | number)[], value: unknown): unknown {
  const copy = structuredClone(payload);
  const holder = valueAt(copy, keys.slice(0, -1)) as Json;
  const last = keys.at(-1) as string | number;
  if (value === undefined) Reflect.deleteProperty(holder, last);
  else holder[last] = value;
  return copy;
}

const TEXTS = fc.string({ unit: 'binary' });
const DATE_TIMES = fc
  .date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString());
const WITHOUT_ZONE = DATE_TIMES.map((text) => text.slice(0, 19));
const SCALARS: Readonly<Record<Extract<Kind, string>, fc.Arbitrary<unknown>>> = {
  text: TEXTS,
  'date-time': fc.oneof(DATE_TIMES, WITHOUT_ZONE),
  date: DATE_TIMES.map((text) => text.slice(0, 10)),
  integer: fc.maxSafeInteger(),
  'integer from 1': fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  // JSON has no negative zero.
  number: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  boolean: fc.boolean(),
};

function arbitraryOf(kind: Kind): fc.Arbitrary<unknown> {
  if (typeof kind === 'string') return SCALARS[kind];
  if ('oneOf' in kind) return fc.constantFrom(...kind.oneOf);
  if ('pattern' in kind) return fc.stringMatching(kind.pattern);
  if ('listOf' in kind) return fc.array(arbitraryOf(kind.listOf), { maxLength: 3 });
  const entries = Object.entries(kind.fields).map(([name, field]) => {
    const isNullable = typeof field === 'object' && 'orNull' in field;
    const value = isNullable ? fc.option(arbitraryOf(field.orNull)) : arbitraryOf(field as Kind);
    return [name.replace(/\?$/, ''), value] as const;
  });
  const requiredKeys = Object.keys(kind.fields).filter((name) => !name.endsWith('?'));
  return fc.record(Object.fromEntries(entries), { requiredKeys });
}

/** Values that are not of the kind. */
function wrongFor(kind: Kind): readonly unknown[] {
  if (typeof kind === 'object') {
    if ('oneOf' in kind)
      return ['none-of-them', kind.oneOf[0]?.toLowerCase() === kind.oneOf[0] ? 'X-1' : 'x', 1];
    if ('pattern' in kind) return [...kind.refused, true];
    return 'listOf' in kind ? ['text', {}, 1] : ['text', [], 1];
  }
  const WRONG: Readonly<Record<typeof kind, readonly unknown[]>> = {
    text: [true, 1.5, 2 ** 53, {}, ['x']],
    'date-time': ['yesterday', '2018-02-30T00:00:00Z', '2018-03-20', true],
    date: ['yesterday', '2018-02-30', '2018-03-20T00:00:00Z', true],
    integer: ['1', 1.5, 2 ** 53, true],
    'integer from 1': ['1', 0, -1, 1.5, true],
    number: ['1.5', Number.NaN, Number.POSITIVE_INFINITY, true],
    boolean: ['true', 0],
  };
  return WRONG[kind];
}

/** Tests that the type takes what its contract allows, sends it unchanged, and refuses everything else by its path. */
export function holdToContract(type: EventType, { path, unit, payload: contract }: Contract): void {
  const places = [...placesOf(contract)];
  const { sample } = type;
  const problemsOf = (payload: unknown) => {
    const result = validatePayload(type, payload);
    return result.ok ? [] : result.problems;
  };
  const named = (filter: (place: Place) => boolean) =>
    places.filter(filter).map((place) => [`$${pathOf(place.keys)}`, place] as const);

  describe(type.name, () => {
    test('has its path and its unit', () => {
      expect(type.path).toBe(path);
      expect(type.unitField).toBe(unit.join('.'));
      expect(type.unitOf(type.schema.parse(sample))).toBe(valueAt(sample, unit));
      expect(problemsOf(withValue(sample, unit, ''))).toMatchObject([{ path: `$${pathOf(unit)}` }]);
    });

    test('its sample passes, and has every field of the contract and no other', () => {
      expect(problemsOf(sample)).toEqual([]);
      const fieldsIn = (value: unknown, keys: readonly (string | number)[]): string[] => {
        if (typeof value !== 'object' || value === null) return [];
        return Object.entries(value).flatMap(([key, inner]) => {
          const here = [...keys, Array.isArray(value) ? Number(key) : key];
          return [pathOf(here), ...fieldsIn(inner, here)];
        });
      };
      expect(fieldsIn(sample, []).sort()).toEqual(places.map(({ keys }) => pathOf(keys)).sort());
    });

    test.each(named(({ optional, keys }) => !optional && typeof keys.at(-1) === 'string'))(
      '%s is required',
      (at, { keys }) => {
        expect(problemsOf(withValue(sample, keys, undefined))).toEqual([
          { path: at, message: 'is required' },
        ]);
      },
    );

    test.each(named(({ optional }) => optional))('%s may be missing', (_, { keys }) => {
      expect(problemsOf(withValue(sample, keys, undefined))).toEqual([]);
    });

    test.each(named(() => true))('%s may be null or not, and nothing of another kind', (at, place) => {
      const { keys, kind, nullable } = place;
      const whenNull = validatePayload(type, withValue(sample, keys, null));
      if (nullable) expect(valueAt(whenNull.ok && whenNull.payload, keys)).toBeNull();
      else expect(whenNull).toMatchObject({ ok: false, problems: [{ path: at }] });
      for (const wrong of wrongFor(kind)) {
        const problems = problemsOf(withValue(sample, keys, wrong));
        expect(problems, JSON.stringify(wrong)).toHaveLength(1);
        expect(problems[0]?.path).toBe(at);
        expect(problems[0]?.message).toMatch(/^must be .*, found /);
      }
    });

    test.each(named(({ kind }) => kind === 'text'))(
      '%s takes a whole number as the text it spells',
      (_, { keys }) => {
        const result = validatePayload(type, withValue(sample, keys, 9_007_199_254_740_991));
        expect(valueAt(result.ok && result.payload, keys)).toBe('9007199254740991');
      },
    );

    const objects = [{ keys: [], kind: contract } as Pick<Place, 'keys' | 'kind'>, ...places];
    test.each(
      objects.filter(({ kind }) => isFields(kind)).map((place) => [`$${pathOf(place.keys)}`, place] as const),
    )('%s keeps or refuses other fields', (at, { keys, kind }) => {
      const result = validatePayload(type, withValue(sample, [...keys, 'colour'], { red: 1 }));
      if ((kind as Fields).open) {
        expect(valueAt(result.ok && result.payload, [...keys, 'colour'])).toEqual({ red: 1 });
      } else {
        const problems = [{ path: `${at}.colour`, message: 'is not a known field' }];
        expect(result).toEqual({ ok: false, problems });
      }
    });

    test('every value of a closed list is taken', () => {
      for (const { keys, kind } of places) {
        if (typeof kind !== 'object' || !('oneOf' in kind)) continue;
        for (const value of kind.oneOf) expect(problemsOf(withValue(sample, keys, value))).toEqual([]);
      }
    });

    test('property: what the contract allows goes out and comes in again unchanged', () => {
      const payloads = arbitraryOf(contract).filter((payload) => valueAt(payload, unit) !== '');
      fc.assert(
        fc.property(payloads, (payload) => {
          const first = validatePayload(type, payload);
          if (!first.ok) throw new Error(JSON.stringify(first.problems));
          // Not as JSON: fields may be in another order.
          expect(first.payload).toEqual(payload);
          const onTheWire = JSON.stringify(first.payload);
          const again = validatePayload(type, JSON.parse(onTheWire));
          expect(again).toEqual({ ...first, payload: JSON.parse(onTheWire) });
          expect(JSON.stringify(again.ok && again.payload)).toBe(onTheWire);
        }),
      );
    });
  });
}
