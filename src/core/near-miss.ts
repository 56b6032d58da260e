const MAX_EDITS = 2;

/**
 * The one of `known` that was probably meant by `given`: equal but for case and separators, or at most two
 * letters away (one, where the word has fewer than five). Undefined: none is near.
 */
export function nearMiss(given: string, known: readonly string[]): string | undefined {
  const plain = plainForm(given);
  const limit = plain.length < 5 ? 1 : MAX_EDITS;
  let best: string | undefined;
  let fewest = limit + 1;
  for (const candidate of known) {
    const edits = countEdits(plain, plainForm(candidate));
    if (edits < fewest) [best, fewest] = [candidate, edits];
  }
  return best;
}

/** The end of a sentence about a word that is not known: `: did you mean "baseUrl"?`, or nothing. */
export function didYouMean(given: string, known: readonly string[]): string {
  const meant = nearMiss(given, known);
  return meant === undefined ? '' : `: did you mean "${meant}"?`;
}

function plainForm(word: string): string {
  return word.toLowerCase().replace(/[-_ ]/g, '');
}

/** Levenshtein's distance, given up as soon as the lengths alone are too far apart. */
function countEdits(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > MAX_EDITS) return MAX_EDITS + 1;
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const substitution = from[row - 1] === to[column - 1] ? 0 : 1;
      current[column] = Math.min(
        (previous[column - 1] ?? 0) + substitution,
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
      );
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
