import { types } from 'node:util';
import type { EventType } from '../../../src/core/event-type.ts';
import { generatePayload } from '../../../src/core/generate-payload.ts';
import { fieldAt, type JsonSchema, payloadSchema, typesOf } from '../../../src/core/payload-schema.ts';
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
  const payload = structuredClone(generatePayload(type, n, random)) as Fields;
  const changes = Math.floor(random() * 4);
  let isPlain = true;
  // Before there is anything strange in it.
  const inner = objectsIn(payload);
  for (let change = 0; change < changes; change++) {
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

/** All objects inside of a payload, in lists too. */
function objectsIn(value: unknown): Fields[] {
  const items = Array.isArray(value) ? value : isFields(value) ? Object.values(value) : [];
  return items.flatMap((item) => [...(isFields(item) ? [item] : []), ...objectsIn(item)]);
}

/**
 * What a client should see of a plain payload that was accepted: the same JSON, and where text is due the text that
 * a number spells.
 */
export function seenByClient(type: EventType, payload: unknown): unknown {
  return spell(JSON.parse(JSON.stringify(payload)), payloadSchema(type.schema));
}

function spell(value: unknown, place: JsonSchema | undefined): unknown {
  if (place === undefined) return value;
  if (typeof value === 'number') return typesOf(place).includes('string') ? String(value) : value;
  if (Array.isArray(value)) return value.map((item, n) => spell(item, fieldAt(place, n)));
  if (!isFields(value)) return value;
  for (const [key, item] of Object.entries(value)) define(value, key, spell(item, fieldAt(place, key)));
  return value;
}
