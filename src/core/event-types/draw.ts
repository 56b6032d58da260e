/** Draws one of the values. `random` returns numbers in [0, 1). */
export function drawOne<const Value>(values: readonly [Value, ...Value[]], random: () => number): Value {
  return values[Math.floor(random() * values.length)] ?? values[0];
}

/** Draws whether something with this probability (0 to 1) happens. */
export function drawChance(probability: number, random: () => number): boolean {
  return random() < probability;
}

/** Draws a text of so many decimal digits, the first of them not 0. */
export function drawDigits(length: number, random: () => number): string {
  let digits = String(1 + Math.floor(random() * 9));
  while (digits.length < length) digits += Math.floor(random() * 10);
  return digits;
}
