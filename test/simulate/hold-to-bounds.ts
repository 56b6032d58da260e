import { expect, test } from 'vitest';
import { measure, toText } from './report.ts';
import type { Scenario } from './scenario.ts';

/** So many tell a rule that is broken from chance; `npm run simulate` takes a hundred times as many. */
const SEEDS = 20;
/** The longest scenario takes minutes on a slow machine. */
const HANG_MS = 900_000;

/** A test for each scenario: every figure keeps its bound. */
export function holdToBounds(scenarios: readonly Scenario[]): void {
  test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    { timeout: HANG_MS },
    (_, scenario) => {
      const rows = measure(scenario, SEEDS);
      const figures = new Set(rows.map(({ figure }) => figure));
      expect(scenario.bounds.filter(({ figure }) => !figures.has(figure))).toEqual([]);
      const missed = rows.filter(({ isKept }) => isKept === false);
      expect(
        missed.map(({ figure, median, worst, worstSeed }) => {
          return `${figure}: median ${toText(median)}, worst ${toText(worst)} (seed ${worstSeed})`;
        }),
      ).toEqual([]);
    },
  );
}
