/** The sum of these numbers. */
export function sum(numbers: Readonly<Record<string, number>>): number {
  return Object.values(numbers).reduce((total, one) => total + one, 0);
}

/** Sums of numbers that go by the same name. */
export function sumByName(parts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [name, count] of parts.flatMap(Object.entries)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}
