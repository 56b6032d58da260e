import { z } from 'zod';
import { findNumbers, type Key } from './find-numbers.ts';
import { isPlainInteger, losesDigits } from './number-digits.ts';

/** The JSON text that a payload was read from. Kept only if it may hold odd numbers. */
export interface JsonSource {
  readonly text: string;
  /** The payload stands at this key of the text's object; absent: it is the whole text. */
  readonly payloadKey?: string;
}

/** A number that would not go out as it is spelled. */
export interface OddNumber {
  /** The keys that lead to it from the payload. */
  readonly keys: readonly Key[];
  readonly spelling: string;
  /** Whether it stands where text is due. */
  readonly isText: boolean;
}

/** The odd numbers of a payload: how many there are, and as many of the first ones as problems are told. */
export interface OddNumbers {
  readonly count: number;
  readonly first: readonly OddNumber[];
}

/*
 * A number after `:`, `[` or `,` that has a sign, a fraction, an exponent or 16 digits. The character that must follow
 * a fraction keeps timestamps (10:30:15.250Z) from matching: their texts go on or end there.
 */
const MAY_BE_ODD = /[:[,][ \t\n\r]*(?:-\d|\d{16}|\d+(?:\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+)[ \t\n\r]*[,\]}])/;

/**
 * Whether a JSON text may hold a number that is not written in digits alone, or in 16 or more of them. Some texts in
 * quotes look like one; none in an object or an array is missed.
 */
export function mayHoldOddNumber(json: string): boolean {
  return MAY_BE_ODD.test(json);
}

/**
 * Finds the numbers that would not go out as the JSON of a payload spells them. In a text field, that is any but a
 * plain integer; elsewhere, a whole number that a double does not keep.
 */
export function findOddNumbers(schema: z.ZodType, { text, payloadKey }: JsonSource): OddNumbers {
  const root: Place = toJsonSchema(schema);
  const { count, first } = findNumbers<Place>(text, {
    root: payloadKey === undefined ? root : 'wrapper',
    placeOf(container, key) {
      if (container === 'wrapper') return key === payloadKey ? root : 'outside';
      return typeof container === 'string' ? container : fieldAt(container, key);
    },
    // Most numbers are plain: their places are not looked at.
    isWanted: (spelling, place) =>
      !isPlainInteger(spelling) && place !== 'outside' && (isTextField(place) || losesDigits(spelling)),
  });
  const levelsAround = payloadKey === undefined ? 0 : 1;
  return {
    count,
    first: first.map(({ keys, spelling, place }) => ({
      keys: keys.slice(levelsAround),
      spelling,
      isText: isTextField(place),
    })),
  };
}

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** What stands at a place: a field of the schema, JSON that it leaves open, what is around the payload or beside it. */
type Place = JsonSchema | 'open' | 'wrapper' | 'outside';

const jsonSchemas = new WeakMap<z.ZodType, JsonSchema>();

function toJsonSchema(schema: z.ZodType): JsonSchema {
  let known = jsonSchemas.get(schema);
  if (known === undefined) {
    // As output: what a schema does before it looks at the fields hides them as input.
    known = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }) as JsonSchema;
    jsonSchemas.set(schema, known);
  }
  return known;
}

function fieldAt({ items, properties = {} }: JsonSchema, key: Key): Place {
  const field = typeof key === 'number' ? items : Object.hasOwn(properties, key) && properties[key];
  return typeof field === 'object' && !Array.isArray(field) ? field : 'open';
}

/** Whether a field takes any string, and not those of a closed list only. */
function isTextField(place: Place): boolean {
  if (typeof place === 'string' || place.enum !== undefined) return false;
  const types: unknown = place.type;
  return types === 'string' || (Array.isArray(types) && types.includes('string'));
}
