import { types } from 'node:util';
import type { EventType } from '../../../src/core/event-type.ts';
import { oddKey, pick, plainValue, type Random, strangeValue } from './odd-values.ts';

/** A payload with up to three changes. */
export interface Mutant {
  readonly payload: unknown;
  /** Nothing but what JSON carries, so that what a client should see can be told from it. */
  readonly isPlain: boolean;
}

type Fields = Record<string, unknown>;

/** Changes a valid payload of the type here and there; sometimes it is something else altogether. */
export function mutate(type: EventType, n: number, random: Random, isStrange: boolean): Mutant {
  if (random() < 0.02) {
    return { payload: (isStrange ? strangeValue : plainValue)(random), isPlain: !isStrange };
  }
  const payload = structuredClone(type.generate(n, random)) as Fields;
  const changes = Math.floor(random() * 4);
  let isPlain = true;
  for (let change = 0; change < changes; change++) {
    const inner = ['from', 'to', 'reference'].map((key) => payload[key]).filter(isFields);
    const target = inner.length > 0 && random() < 0.3 ? pick(inner, random) : payload;
    const wantsStrange = isStrange && random() < 0.5;
    if (wantsStrange) isPlain = false;
    changeField(target, wantsStrange ? strangeValue : plainValue, random);
  }
  return { payload, isPlain };
}

function isFields(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return false;
  return Object.getPrototypeOf(value) === Object.prototype;
}

function changeField(fields: Fields, draw: (random: Random) => unknown, random: Random): void {
  const keys = Object.keys(fields);
  const known = pick(keys, random) ?? 'a';
  const kind = random();
  if (kind < 0.1) Reflect.deleteProperty(fields, known);
  else if (kind < 0.5) define(fields, known, draw(random));
  else if (kind < 0.9) define(fields, oddKey(random), draw(random));
  else define(fields, 'x'.repeat(Math.floor(random() * 3_000)), draw(random));
}

/** As JSON.parse does: `__proto__` becomes a field like any other. */
function define(fields: Fields, key: string, value: unknown): void {
  const attributes = { configurable: true, enumerable: true, writable: true };
  // Not what throws: a strange value that came earlier may have fields that stay as they are.
  Reflect.defineProperty(fields, key, { ...attributes, value });
}

/**
 * What a client should see of a plain payload that was accepted: the same JSON, and where the sample of the type
 * has a text or a number for one, the text that a number spells.
 */
export function seenByClient(type: EventType, payload: unknown): unknown {
  return spell(JSON.parse(JSON.stringify(payload)) as Fields, type.sample as Fields);
}

function spell(fields: Fields, sample: Fields): Fields {
  for (const [key, value] of Object.entries(fields)) {
    const like = Object.hasOwn(sample, key) ? sample[key] : undefined;
    const isInteger = key === 'identifier' && typeof like === 'number';
    if (typeof value === 'number' && like !== undefined && !isInteger) fields[key] = String(value);
    else if (isFields(value) && isFields(like)) spell(value, like);
  }
  return fields;
}
