/** The source of a regular expression, with or without the flag `u`, that matches just this text; not for a class. */
export function literalPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
