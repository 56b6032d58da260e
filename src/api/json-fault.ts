import { visit } from 'jsonc-parser';

/** A place in a text, from 1. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

/** A text up to its closing quote, or to the first character that JSON does not allow in it (RFC 8259, section 7). */
const START_OF_TEXT = /"(?:[ !#-[\]-\uffff]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;

/**
 * Where a text stops being JSON: V8's errors do not always say. Undefined: it is JSON, or it is nested too deeply for
 * the parser.
 */
export function findJsonFault(text: string): TextPlace | undefined {
  let at: number | undefined;
  const onError = (_code: number, offset: number): void => {
    at ??= offset;
  };
  try {
    visit(text, { onError }, { disallowComments: true, allowTrailingComma: false });
    START_OF_TEXT.lastIndex = at ?? text.length;
    const isBroken = START_OF_TEXT.test(text) && text[START_OF_TEXT.lastIndex] !== '"';
    if (isBroken) at = START_OF_TEXT.lastIndex;
  } catch {
    // The stack is used up.
  }
  if (at === undefined) return undefined;
  const lines = text.slice(0, at).split('\n');
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}
