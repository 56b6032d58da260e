const MAX_EDITS = 2;

/**
 * The one of `known` that was probably meant by `given`: equal but for case and separators, or at most two
 * letters away (one, if the word has fewer than five). Undefined: none is near.
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

/** Letters added, left out, replaced or swapped with their neighbour (optimal string alignment). */
function countEdits(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > MAX_EDITS) return MAX_EDITS + 1;
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number) => rows[row]?.[column] ?? 0;
  for (let row = 1; row <= from.length; row++) {
    rows[row] = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      const isSwap =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      rows[row]?.push(
        Math.min(
          at(row - 1, column - 1) + (isSame ? 0 : 1),
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          isSwap ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
  }
  return at(from.length, to.length);
}
