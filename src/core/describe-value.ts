const MAX_QUOTED_LENGTH = 60;

/** Names a value for a problem's sentence: `"abc"`, `12.5`, `null`, `an array`; long text is cut off. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > MAX_QUOTED_LENGTH
        ? `${JSON.stringify(value.slice(0, MAX_QUOTED_LENGTH))}…`
        : JSON.stringify(value);
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? 'an array' : 'an object';
    case 'function':
    case 'symbol':
      return `a ${typeof value}`;
    default:
      return String(value);
  }
}
