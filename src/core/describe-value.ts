import { quoteText } from './quote-text.ts';

const MAX_QUOTED_LENGTH = 60;

/** Names a value for a problem's sentence: `"abc"`, `12.5`, `null`, `an array`; long text is cut off. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quoteText(value, MAX_QUOTED_LENGTH);
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? 'an array' : 'an object';
    case 'undefined':
      return 'nothing';
    case 'bigint':
    case 'function':
    case 'symbol':
      return `a ${typeof value}`;
    default:
      return String(value);
  }
}
