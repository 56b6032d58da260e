/** The JSON text that a payload was read from, kept only if it may hold odd numbers. */
export interface JsonSource {
  readonly text: string;
  /** The keys that lead from the whole text to the payload; none: the payload is the whole text. */
  readonly keys: readonly string[];
}

/** A number as a JSON text spells it, with the keys and indexes that lead to it. */
export interface SpelledNumber {
  readonly keys: readonly (string | number)[];
  readonly spelling: string;
}

/*
 * A number after `:`, `[` or `,` that has a sign, a fraction, an exponent or 16 digits. The sign that must follow a
 * fraction keeps timestamps (10:30:15.250Z) from matching: their texts go on or end there.
 */
const MAY_BE_ODD = /[:[,][ \t\n\r]*(?:-\d|\d{16}|\d+(?:\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+)[ \t\n\r]*[,\]}])/;

/**
 * Keeps a JSON text as the source of its payload if it may hold an odd number: one that is not written in digits
 * alone, or in 16 or more of them. Some texts in quotes look like one; none in an object or an array is missed.
 */
export function toSource(text: string): JsonSource | undefined {
  return MAY_BE_ODD.test(text) ? { text, keys: [] } : undefined;
}

/**
 * Finds the wanted numbers of a JSON text. Of a key that an object repeats the last value counts, as for
 * `JSON.parse`. Numbers that are nested deeper than any valid payload are left out.
 *
 * @param json must be valid JSON
 */
export function findNumbers(json: string, isWanted: (number: SpelledNumber) => boolean): SpelledNumber[] {
  const scan = new Scan(json, isWanted);
  for (let at = 0; at < json.length; ) at = scan.takeToken(at);
  return scan.found;
}

/** Whether a whole number is written in digits alone and within 2^53-1: `String` spells it the same way. */
export function isPlainInteger(spelling: string): boolean {
  return /^\d{1,16}$/.test(spelling) && Number.isSafeInteger(Number(spelling));
}

const LONG_INTEGER = /^-?\d{16,}$/;
/** A whole number of more digits is beyond every double. */
const MOST_DIGITS = 400;

/** Whether a whole number becomes another one, since `JSON.parse` takes numbers as doubles (RFC 8259, section 6). */
export function losesDigits(spelling: string): boolean {
  if (!LONG_INTEGER.test(spelling)) return false;
  const number = Number(spelling);
  // A double is written with the fewest digits that identify it, which need not be all that it has.
  if (String(number) === spelling) return false;
  return !Number.isFinite(number) || spelling.length >= MOST_DIGITS || BigInt(number) !== BigInt(spelling);
}

/** An open object or array: the key or index that the walk is at, and the wanted numbers so far. */
interface Container {
  readonly isObject: boolean;
  key: string | number | undefined;
  readonly found: Map<string | number | undefined, readonly SpelledNumber[]>;
}

/** A valid payload has fewer levels (json-value.ts). The bound keeps paths short. */
const MOST_LEVELS = 100;
const NUMBER = /[-+.\deE]+/y;
const SIGN = { quote: 0x22, comma: 0x2c, minus: 0x2d, backslash: 0x5c } as const;

/** Walks over the tokens of a JSON text without recursion: nesting may be deeper than the stack. */
class Scan {
  readonly #json: string;
  readonly #isWanted: (number: SpelledNumber) => boolean;
  readonly #open: Container[] = [];
  #top: Container = { isObject: false, key: 0, found: new Map() };

  constructor(json: string, isWanted: (number: SpelledNumber) => boolean) {
    this.#json = json;
    this.#isWanted = isWanted;
  }

  get found(): SpelledNumber[] {
    return [...this.#top.found.values()].flat();
  }

  /** Takes a text, a number or a single sign. @returns where the next token begins */
  takeToken(at: number): number {
    const sign = this.#json.charCodeAt(at);
    if (sign === SIGN.quote) return this.#takeText(at);
    if (sign === SIGN.minus || (sign >= 0x30 && sign <= 0x39)) return this.#takeNumber(at);
    if (sign === SIGN.comma) this.#goOn();
    // With the bit 0x20 set, { and [ are the same, and so are } and ].
    else if ((sign | 0x20) === 0x7b) this.#begin(sign === 0x7b);
    else if ((sign | 0x20) === 0x7d) this.#end();
    return at + 1;
  }

  #takeText(start: number): number {
    let at = start + 1;
    let sign = this.#json.charCodeAt(at);
    while (sign !== SIGN.quote) {
      at += sign === SIGN.backslash ? 2 : 1;
      sign = this.#json.charCodeAt(at);
    }
    const { isObject, key, found } = this.#top;
    if (isObject && key === undefined) {
      this.#top.key = JSON.parse(this.#json.slice(start, at + 1)) as string;
      found.delete(this.#top.key);
    }
    return at + 1;
  }

  #takeNumber(at: number): number {
    NUMBER.lastIndex = at;
    NUMBER.test(this.#json);
    const end = NUMBER.lastIndex;
    if (this.#open.length <= MOST_LEVELS) {
      const keys = [...this.#open.slice(1), this.#top].map(({ key }) => key ?? '');
      const number = { keys: this.#open.length === 0 ? [] : keys, spelling: this.#json.slice(at, end) };
      if (this.#isWanted(number)) this.#top.found.set(this.#top.key, [number]);
    }
    return end;
  }

  #goOn(): void {
    const { isObject, key } = this.#top;
    this.#top.key = isObject || typeof key !== 'number' ? undefined : key + 1;
  }

  #begin(isObject: boolean): void {
    this.#open.push(this.#top);
    this.#top = { isObject, key: isObject ? undefined : 0, found: new Map() };
  }

  #end(): void {
    const { found } = this;
    this.#top = this.#open.pop() ?? this.#top;
    if (found.length > 0) this.#top.found.set(this.#top.key, found);
  }
}
