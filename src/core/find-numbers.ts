import { MAX_PROBLEMS } from './problem.ts';

/** The name of a value in an object, or its index in an array. */
export type Key = string | number;

/** Which numbers of a JSON text are wanted. A `Place` is whatever the caller knows about one place in the text. */
export interface NumberSearch<Place> {
  /** The place of the whole text. */
  readonly root: Place;
  /** The place of a value, given the place of the object or array that holds it. */
  placeOf(container: Place, key: Key): Place;
  isWanted(spelling: string, place: Place): boolean;
}

/** A wanted number as the text spells it, with the keys that lead to it. */
export interface FoundNumber<Place> {
  readonly keys: readonly Key[];
  readonly spelling: string;
  readonly place: Place;
}

/** The wanted numbers of a text: how many there are, and as many of the first ones as problems are told. */
export interface FoundNumbers<Place> {
  readonly count: number;
  readonly first: readonly FoundNumber<Place>[];
}

/**
 * Finds the wanted numbers of a JSON text. If an object repeats a key, only the last value counts, as for
 * `JSON.parse`. Numbers that are nested deeper than any valid payload are left out. The time grows with the length
 * of the text only.
 *
 * @param json must be valid JSON
 */
export function findNumbers<Place>(json: string, search: NumberSearch<Place>): FoundNumbers<Place> {
  const scan = new NumberScan(json, search);
  let at = 0;
  while (at < json.length) at = scan.takeToken(at);
  return scan.found;
}

/** An object or array that the scan is in, or what stands around the whole text. */
interface Container<Place> {
  /** The object or array around it, and its key there; undefined: nothing is around it. */
  readonly outer: { readonly container: Container<Place>; readonly key: Key } | undefined;
  readonly place: Place;
  /** The key of the present value; undefined: the next text is a key. */
  key: Key | undefined;
  /** By key, since an object may repeat one; an array has one list under `ARRAY_KEY`. */
  lists: Map<Key, NumberList<Place>> | undefined;
}

/** Numbers of one value: how many there are, and the first ones. */
interface NumberList<Place> {
  count: number;
  readonly first: LocatedNumber<Place>[];
}

/** Its keys are listed only if it is among the first at the end. */
interface LocatedNumber<Place> {
  readonly container: Container<Place>;
  readonly key: Key;
  readonly spelling: string;
  readonly place: Place;
}

/** A valid payload has fewer levels (json-value.ts). */
const MOST_LEVELS = 100;
const ARRAY_KEY = 0;
const CHARACTER = {
  quote: 0x22,
  plus: 0x2b,
  comma: 0x2c,
  minus: 0x2d,
  point: 0x2e,
  upperE: 0x45,
  openBracket: 0x5b,
  backslash: 0x5c,
  closeBracket: 0x5d,
  lowerE: 0x65,
  openBrace: 0x7b,
  closeBrace: 0x7d,
} as const;

/** Reads the tokens of a JSON text without recursion: nesting may be deeper than the stack. */
class NumberScan<Place> {
  readonly #json: string;
  readonly #search: NumberSearch<Place>;
  readonly #around: Container<Place>;
  #top: Container<Place>;
  /** Open objects and arrays, including those that are too deep to follow. */
  #levels = 0;

  constructor(json: string, search: NumberSearch<Place>) {
    this.#json = json;
    this.#search = search;
    this.#around = { outer: undefined, place: search.root, key: 0, lists: undefined };
    this.#top = this.#around;
  }

  get found(): FoundNumbers<Place> {
    const { count = 0, first = [] } = this.#around.lists?.get(ARRAY_KEY) ?? {};
    return {
      count,
      first: first.map((number) => ({
        keys: keysOf(number),
        spelling: number.spelling,
        place: number.place,
      })),
    };
  }

  /** Takes a text, a number or a single character. @returns where the next token begins */
  takeToken(at: number): number {
    const character = this.#json.charCodeAt(at);
    if (character === CHARACTER.quote) return this.#takeText(at);
    if (character === CHARACTER.minus || isDigit(character)) return this.#takeNumber(at);
    if (character === CHARACTER.openBrace) this.#open(undefined);
    else if (character === CHARACTER.openBracket) this.#open(0);
    else if (character === CHARACTER.closeBrace || character === CHARACTER.closeBracket) this.#close();
    else if (character === CHARACTER.comma && !this.#isTooDeep) this.#advanceKey();
    return at + 1;
  }

  get #isTooDeep(): boolean {
    return this.#levels > MOST_LEVELS;
  }

  #takeText(start: number): number {
    let at = start + 1;
    let hasEscapes = false;
    let character = this.#json.charCodeAt(at);
    while (character !== CHARACTER.quote) {
      const isEscape = character === CHARACTER.backslash;
      hasEscapes ||= isEscape;
      at += isEscape ? 2 : 1;
      character = this.#json.charCodeAt(at);
    }
    const end = at + 1;
    if (this.#top.key === undefined && !this.#isTooDeep) {
      const key = hasEscapes
        ? (JSON.parse(this.#json.slice(start, end)) as string)
        : this.#json.slice(start + 1, at);
      this.#top.key = key;
      this.#top.lists?.delete(key);
    }
    return end;
  }

  #takeNumber(start: number): number {
    let end = start + 1;
    while (isInNumber(this.#json.charCodeAt(end))) end += 1;
    if (this.#isTooDeep) return end;
    const spelling = this.#json.slice(start, end);
    const place = this.#presentPlace();
    if (this.#search.isWanted(spelling, place)) {
      const { key = ARRAY_KEY } = this.#top;
      this.#addToPresent({ count: 1, first: [{ container: this.#top, key, spelling, place }] });
    }
    return end;
  }

  #advanceKey(): void {
    this.#top.key = typeof this.#top.key === 'number' ? this.#top.key + 1 : undefined;
  }

  #open(firstKey: Key | undefined): void {
    this.#levels += 1;
    if (this.#isTooDeep) return;
    const { key = ARRAY_KEY } = this.#top;
    const outer = { container: this.#top, key };
    this.#top = { outer, place: this.#presentPlace(), key: firstKey, lists: undefined };
  }

  #close(): void {
    const wasTooDeep = this.#isTooDeep;
    this.#levels -= 1;
    const { outer, lists } = this.#top;
    if (wasTooDeep || outer === undefined) return;
    // Its numbers know it by its keys only.
    this.#top.lists = undefined;
    this.#top = outer.container;
    for (const list of lists?.values() ?? []) this.#addToPresent(list);
  }

  #presentPlace(): Place {
    const { outer, place, key = ARRAY_KEY } = this.#top;
    return outer === undefined ? place : this.#search.placeOf(place, key);
  }

  #addToPresent(list: NumberList<Place>): void {
    this.#top.lists ??= new Map();
    const { key, lists } = this.#top;
    const listKey = typeof key === 'string' ? key : ARRAY_KEY;
    const earlier = lists.get(listKey);
    if (earlier === undefined) lists.set(listKey, list);
    else append(earlier, list);
  }
}

function append<Place>(list: NumberList<Place>, { count, first }: NumberList<Place>): void {
  const room = MAX_PROBLEMS - list.first.length;
  for (const number of first.slice(0, room)) list.first.push(number);
  list.count += count;
}

function keysOf<Place>({ container, key }: LocatedNumber<Place>): Key[] {
  const keys: Key[] = [];
  let at: Container<Place>['outer'] = { container, key };
  while (at?.container.outer !== undefined) {
    keys.push(at.key);
    at = at.container.outer;
  }
  return keys.reverse();
}

function isDigit(character: number): boolean {
  return character >= 0x30 && character <= 0x39;
}

/** Whether a character may follow in a number: a digit, or one of `+-.eE`. */
function isInNumber(character: number): boolean {
  return (
    isDigit(character) ||
    character === CHARACTER.point ||
    character === CHARACTER.plus ||
    character === CHARACTER.minus ||
    character === CHARACTER.upperE ||
    character === CHARACTER.lowerE
  );
}
