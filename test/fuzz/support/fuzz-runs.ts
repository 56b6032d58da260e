import type fc from 'fast-check';

/*
 * The seeds are fixed, so that a run says the same each time. For a longer hunt:
 *
 *   WAYBILL_FUZZ_SEED=7 WAYBILL_FUZZ_RUNS=20 npx vitest --config test/vitest.config.ts run test/fuzz
 */

/** The seed of this run. */
export const SEED = Number(process.env['WAYBILL_FUZZ_SEED'] ?? 20_180_320);

/** How often what a test does by itself is to be done; 1, unless a longer hunt is on. */
export const TIMES = Number(process.env['WAYBILL_FUZZ_RUNS'] ?? 1);

/** What fast-check is called with to try so many inputs. */
export function runs<Inputs>(count: number): fc.Parameters<Inputs> {
  return { seed: SEED, numRuns: count * TIMES, endOnFailure: false };
}

/** For tests that take longer in a longer hunt. */
export const TIMEOUT_MS = 600_000 * TIMES;
