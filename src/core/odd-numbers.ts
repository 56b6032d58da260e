import type { z } from 'zod';
import { fieldAt, type JsonSchema, payloadSchema, typesOf } from './payload-schema.ts';
import { MAX_PROBLEMS } from './problem.ts';

/** The name of a value in an object, or its index in an array. */
export type Key = string | number;

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
  /** Whether the schema leaves open what stands there. */
  readonly isOpen: boolean;
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
  const root = payloadSchema(schema);
  const first: OddNumber[] = [];
  let count = 0;
  eachNumber(text, payloadKey, (spelling, keys) => {
    if (isPlainInteger(spelling)) return;
    const place = placeAt(root, keys);
    const isText = isTextField(place);
    if (!isText && !losesDigits(spelling)) return;
    count += 1;
    if (first.length < MAX_PROBLEMS)
      first.push({ keys: [...keys], spelling, isText, isOpen: place === undefined });
  });
  return { count, first };
}

/** A valid payload has fewer levels (json-value.ts). */
const MOST_LEVELS = 100;
/** A sign that begins or ends a text, an escaped character in a text, or a number. */
const TOKEN = /"|\\.|-?\d[\d.eE+-]*/g;

/**
 * Visits the numbers of a JSON text as it spells them, with the keys that lead to each. If an object repeats a key, only
 * the last value counts, as for `JSON.parse`. Numbers deeper than in any valid payload are left out.
 *
 * @param json must be valid JSON
 * @param payloadKey visits the value at this key only
 * @param visit must copy the keys to keep them
 */
export function eachNumber(
  json: string,
  payloadKey: string | undefined,
  visit: (spelling: string, keys: readonly Key[]) => void,
): void {
  // Every number is replaced by its place in this list: what JSON.parse keeps tells which ones count.
  const spellings: string[] = [];
  let isInText = false;
  const numbered = json.replace(TOKEN, (token) => {
    if (token === '"') isInText = !isInText;
    return isInText || token === '"' ? token : String(spellings.push(token) - 1);
  });
  const keys: Key[] = [];
  function walk(value: unknown): void {
    if (typeof value === 'number') visit(spellings[value] ?? '', keys);
    if (typeof value !== 'object' || value === null || keys.length >= MOST_LEVELS) return;
    for (const [key, item] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
      keys.push(key);
      walk(item);
      keys.pop();
    }
  }
  const whole: unknown = JSON.parse(numbered);
  walk(payloadKey === undefined ? whole : (whole as Record<string, unknown>)[payloadKey]);
}

function placeAt(root: JsonSchema, keys: readonly Key[]): JsonSchema | undefined {
  let place: JsonSchema | undefined = root;
  for (const key of keys) {
    if (place === undefined) break;
    place = fieldAt(place, key);
  }
  return place;
}

/** Whether a field takes any string, and not those of a closed list only. */
function isTextField(place: JsonSchema | undefined): boolean {
  if (place === undefined || place.enum !== undefined) return false;
  return place.anyOf?.some(isTextField) ?? typesOf(place).includes('string');
}

/** Whether a whole number is written in digits alone and within 2^53-1: `String` spells it the same way. */
export function isPlainInteger(spelling: string): boolean {
  return /^\d{1,16}$/.test(spelling) && Number.isSafeInteger(Number(spelling));
}

/** A whole number of fewer characters is exact as a double (IEEE 754). */
const EXACT_CHARACTERS = 15;
/** No double needs more. The bound also keeps regular expressions within the stack. */
const MOST_CHARACTERS = 400;

/**
 * Whether a whole number in JSON goes out with other digits than it came with: `JSON.parse` reads it as a double,
 * and `JSON.stringify` writes the fewest digits that tell that double from others (36028797018963970 for 2^55).
 */
export function losesDigits(spelling: string): boolean {
  if (spelling.length <= EXACT_CHARACTERS || /[.eE]/.test(spelling)) return false;
  return !keepsDigits(spelling, Number(spelling));
}

const DECIMAL = /^[-+]?(\d*)\.?(\d*)(?:[eE]([-+]?\d+))?$/;

/** Whether JavaScript spells a number with the digits that it was written with; zeros around them do not count. */
export function keepsDigits(written: string, value: number): boolean {
  return written.length <= MOST_CHARACTERS && toScientific(written) === toScientific(String(value));
}

/** The digits without zeros around them, and a power of ten, so that equal numbers are equal texts. */
function toScientific(decimal: string): string {
  const [, whole = '', fraction = '', exponent = '0'] = DECIMAL.exec(decimal) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  return `${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}
