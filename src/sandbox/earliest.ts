/** Times of which the earliest is asked for again and again. */
export interface Earliest {
  /** Before all times where there are none. */
  earliest(): number;
  /** Puts a time in the place of the earliest one. */
  replaceEarliest(by: number): void;
}

/** So many times, each of them before any other at first: a binary heap, since there may be thousands. */
export function createEarliest(count: number): Earliest {
  const heap = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  const at = (place: number): number => heap[place] ?? Number.POSITIVE_INFINITY;
  return {
    earliest: () => heap[0] ?? Number.NEGATIVE_INFINITY,
    replaceEarliest(by) {
      let place = 0;
      for (;;) {
        const left = 2 * place + 1;
        const child = at(left + 1) < at(left) ? left + 1 : left;
        if (at(child) >= by) break;
        heap[place] = at(child);
        place = child;
      }
      heap[place] = by;
    },
  };
}
