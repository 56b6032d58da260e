/**
 * A source of numbers in [0, 1) that gives the same series for the same seed (mulberry32): for samples, tests
 * and measurements, not for secrets.
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Draws one of the values. `random` returns numbers in [0, 1). */
export function drawOne<const Value>(values: readonly [Value, ...Value[]], random: () => number): Value {
  return values[Math.floor(random() * values.length)] ?? values[0];
}

/** Draws whether something with this probability (0 to 1) happens. */
export function drawChance(probability: number, random: () => number): boolean {
  return random() < probability;
}

/** Draws a text of a number of decimal digits, the first of them not 0. */
export function drawDigits(length: number, random: () => number): string {
  let digits = String(1 + Math.floor(random() * 9));
  while (digits.length < length) digits += Math.floor(random() * 10);
  return digits;
}
