/** Deeper than any real message, and far from where `JSON.stringify` runs out of stack. */
const MAX_DEPTH = 64;

/** The most characters of one field; an event as a whole is at most a quarter of it. */
export const MAX_FIELD_LENGTH = 1024 * 1024;
/** Why a field is refused that is longer. */
export const FIELD_TOO_LONG = 'is longer than 1 MiB';

/** A value as JSON carries it; or why it cannot, as a sentence without its subject. */
export type JsonCopy =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string };

interface Walk {
  /** Characters that the JSON may still have: values that are met on several ways would make it endless. */
  left: number;
  reason: string | undefined;
}

/**
 * Copies a value that `JSON.stringify` and `JSON.parse` would leave unchanged, and says why if they would
 * not. Whatever is looked at is read once and copied, so that no getter, proxy or `toJSON` can say something
 * else when the event is written. An `undefined` property counts as an absent one.
 *
 * @throws what the value's own getters and proxies throw
 */
export function copyJson(value: unknown): JsonCopy {
  const walk: Walk = { left: MAX_FIELD_LENGTH, reason: undefined };
  const copy = copyValue(value, 0, walk);
  return walk.reason === undefined ? { ok: true, value: copy } : { ok: false, reason: walk.reason };
}

function copyValue(value: unknown, depth: number, walk: Walk): unknown {
  walk.left -= typeof value === 'string' ? value.length + 1 : 1;
  if (walk.left < 0) return refuse(FIELD_TOO_LONG, walk);
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : refuse(`holds ${value}, which is not a JSON value`, walk);
    case 'object':
      return value === null ? null : copyContainer(value, depth, walk);
    case 'undefined':
      return refuse('holds an array with an empty place, which JSON cannot carry', walk);
    default:
      return refuse(`holds a ${typeof value}, which is not a JSON value`, walk);
  }
}

function copyContainer(container: object, depth: number, walk: Walk): unknown {
  if (depth >= MAX_DEPTH) return refuse(`holds more than ${MAX_DEPTH} levels of nesting`, walk);
  if (Array.isArray(container)) return copyArray(container, depth, walk);
  const prototype: unknown = Object.getPrototypeOf(container);
  if (prototype !== Object.prototype && prototype !== null) {
    return refuse('holds an object of a class of its own, which is not a JSON value', walk);
  }
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(container)) {
    const value = (container as Record<string, unknown>)[key];
    if (value === undefined) continue;
    walk.left -= key.length;
    const item = copyValue(value, depth + 1, walk);
    if (walk.reason !== undefined) return undefined;
    // Assigning would set the copy's prototype.
    if (key === '__proto__') Object.defineProperty(copy, key, { ...PLAIN, value: item });
    else copy[key] = item;
  }
  return copy;
}

const PLAIN = { configurable: true, enumerable: true, writable: true } as const;

function copyArray(array: readonly unknown[], depth: number, walk: Walk): unknown {
  const copy: unknown[] = [];
  for (let index = 0; index < array.length; index++) {
    copy.push(copyValue(array[index], depth + 1, walk));
    if (walk.reason !== undefined) return undefined;
  }
  return copy;
}

function refuse(reason: string, walk: Walk): undefined {
  walk.reason = reason;
  return undefined;
}

/** The value of a JSON text; undefined: it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
