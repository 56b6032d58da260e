import { toJsonPath } from '../core/problem.ts';

/** How JSON writes a NUL, and halves of characters; whole ones are looked at, too. */
const WORTH_A_LOOK = /\\u(?:0000|d[89a-f])/i;
const MOST_TOLD = 5;

/**
 * Names what an event's body holds that many servers answer 400 or 500 to: `a NUL character in $.sku`, `half of a
 * character (a lone surrogate) in $.sku`.
 */
export function oddCharactersIn(body: string): string[] {
  if (!WORTH_A_LOOK.test(body)) return [];
  const found = new Set(oddIn(JSON.parse(body), []));
  return [...found].slice(0, MOST_TOLD);
}

function* oddIn(value: unknown, path: readonly PropertyKey[]): Generator<string> {
  if (typeof value === 'string') yield* oddInText(value, toJsonPath(path));
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    yield* oddInText(key, `a name in ${toJsonPath(path)}`);
    yield* oddIn(item, [...path, Array.isArray(value) ? Number(key) : key]);
  }
}

function* oddInText(text: string, place: string): Generator<string> {
  if (text.includes('\0')) yield `a NUL character in ${place}`;
  if (/\p{Surrogate}/u.test(text)) yield `half of a character (a lone surrogate) in ${place}`;
}
