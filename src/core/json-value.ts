/** Deeper than any real message, and far from where `JSON.stringify` runs out of stack. */
const MAX_DEPTH = 64;

/**
 * Why a value would not survive `JSON.stringify` and `JSON.parse` unchanged, as the end of a sentence that
 * begins with "holds"; undefined where it does. An `undefined` property counts as an absent one.
 */
export function whyNotJson(value: unknown, depth = 0): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : `${value}, which is not a JSON value`;
    case 'object':
      return value === null ? undefined : whyNotJsonContainer(value, depth);
    default:
      return `${value === undefined ? 'undefined' : `a ${typeof value}`}, which is not a JSON value`;
  }
}

function whyNotJsonContainer(value: object, depth: number): string | undefined {
  if (depth >= MAX_DEPTH) return `more than ${MAX_DEPTH} levels of nesting`;
  if (Array.isArray(value)) {
    for (const item of value) {
      const reason = whyNotJson(item, depth + 1);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    return 'an object of a class of its own, which is not a JSON value';
  }
  for (const item of Object.values(value)) {
    const reason = item === undefined ? undefined : whyNotJson(item, depth + 1);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
