const FIRST_MS = 1_000;
const MOST_MS = 30_000;
/** A worker that has lived for so long is not one of a series that dies at its start. */
const STEADY_MS = 60_000;

/** How long to wait before a lost worker is started again: doubles with each that was lost soon after its start. */
export function nextRestart(
  previous: number,
  livedMs: number,
): { readonly losses: number; readonly delayMs: number } {
  const losses = livedMs >= STEADY_MS ? 1 : previous + 1;
  return { losses, delayMs: Math.min(MOST_MS, FIRST_MS * 2 ** (losses - 1)) };
}
