import { type EventType, unitIn, withUnit } from './event-type.ts';
import { isIsoTimestamp } from './iso-timestamp.ts';
import { fieldAt, type JsonSchema, payloadSchema, typesOf } from './payload-schema.ts';
import { drawChance, drawDigits, drawOne } from './random.ts';

const FIRST_MOMENT = Date.UTC(2024, 0, 1);
const DATE = /^\d{4}-\d\d-\d\d$/;
/** How often an optional field is there, and one that may be null is not null. */
const IS_THERE = 0.8;
const MOST_ITEMS = 3;

/**
 * Makes the nth (from 0) of a series of varied payloads, each about a unit of its own, and valid as tests show: the sample with other
 * digits, other values of closed and open lists, and without some optional fields. A number that stands for text in
 * the sample is a text or a number.
 *
 * @param random returns numbers in [0, 1), as `Math.random` does; the same numbers make the same payload
 */
export function generatePayload(type: EventType, n: number, random: () => number): object {
  const payload = new Variation(n, random).of(type.sample, payloadSchema(type.schema));
  return withUnit(type, payload, numbered(unitIn(type, type.sample) as string | number, n));
}

/** `LPAA0000007` for the number 7 after `LPAA1234567`; 100000000007 after 123456891011. */
function numbered(unit: string | number, n: number): string | number {
  const [digits = ''] = /\d*$/.exec(String(unit)) ?? [];
  if (digits === '') return `${unit}-${n}`;
  const first = 10 ** (digits.length - 1);
  return typeof unit === 'number' ? first + n : unit.slice(0, -digits.length) + pad(n, digits.length);
}

function pad(n: number, length: number): string {
  return String(n).padStart(length, '0');
}

class Variation {
  readonly #random: () => number;
  readonly #moment: string;

  constructor(n: number, random: () => number) {
    this.#random = random;
    this.#moment = new Date(FIRST_MOMENT + n * 1_000 + Math.floor(random() * 1_000)).toISOString();
  }

  /** @param place the schema of the value; undefined: any */
  of(value: unknown, place: JsonSchema | undefined): unknown {
    if (place && typesOf(place).includes('null') && !this.#draw(IS_THERE)) return null;
    if (Array.isArray(value)) return this.#list(value, place);
    if (typeof value === 'object' && value !== null) return this.#object(value, place);
    if (typeof value === 'boolean') return this.#draw(0.5);
    const list = place?.enum ?? place?.anyOf?.find((some) => some.enum)?.enum ?? place?.examples;
    if (Array.isArray(list)) return drawOne(list as [unknown], this.#random);
    return typeof value === 'number' ? this.#number(value, place) : this.#text(String(value));
  }

  #draw(probability: number): boolean {
    return drawChance(probability, this.#random);
  }

  #object(fields: object, place: JsonSchema | undefined): object {
    const entries = Object.entries(fields)
      .filter(([key]) => place?.required?.includes(key) || this.#draw(IS_THERE))
      .map(([key, value]) => [key, this.of(value, place && fieldAt(place, key))]);
    return Object.fromEntries(entries);
  }

  #list(items: readonly unknown[], place: JsonSchema | undefined): unknown[] {
    const length = items.length === 0 ? 0 : 1 + Math.floor(this.#random() * MOST_ITEMS);
    return Array.from({ length }, (_, n) => this.of(items[n % items.length], place && fieldAt(place, n)));
  }

  #number(value: number, place: JsonSchema | undefined): number | string {
    const digits = this.#digits(String(value));
    const isText = place !== undefined && typesOf(place).includes('string');
    return isText && this.#draw(0.5) ? digits : Number(digits);
  }

  #text(text: string): string {
    if (DATE.test(text)) return this.#moment.slice(0, text.length);
    // Producers write times with and without zone and fraction.
    if (isIsoTimestamp(text)) return this.#draw(0.5) ? this.#moment : this.#moment.slice(0, 19);
    return this.#digits(text);
  }

  #digits(text: string): string {
    return text.replace(/\d+/g, ({ length }) => drawDigits(length, this.#random));
  }
}
