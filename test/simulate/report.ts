import { type Bound, quantile, type Scenario } from './scenario.ts';

/** A figure of a scenario over all seeds. */
export interface Row {
  readonly scenario: string;
  readonly figure: string;
  readonly bound: Bound | undefined;
  readonly median: number;
  /** The worst by the bound; without one, the largest. */
  readonly worst: number;
  /** The seed of the worst, to run it alone. */
  readonly worstSeed: number;
  /** Undefined: the figure is held to nothing. */
  readonly isKept: boolean | undefined;
}

/** Runs a scenario with the seeds from 1. */
export function measure(scenario: Scenario, seeds: number): Row[] {
  const values = new Map<string, number[]>();
  for (let seed = 1; seed <= seeds; seed += 1) {
    for (const [figure, value] of Object.entries(scenario.run(seed))) {
      const all = values.get(figure) ?? [];
      all.push(value);
      values.set(figure, all);
    }
  }
  return [...values].map(([figure, all]) => toRow(scenario, figure, all));
}

function toRow(scenario: Scenario, figure: string, values: readonly number[]): Row {
  const bound = scenario.bounds.find((candidate) => candidate.figure === figure);
  const isLeast = bound?.is === 'at least';
  const median = quantile(values, 0.5);
  // What did not happen is the worst.
  const badness = values.map((value) =>
    Number.isNaN(value) ? Number.POSITIVE_INFINITY : isLeast ? -value : value,
  );
  const worstAt = badness.indexOf(Math.max(...badness));
  const worst = values[worstAt] ?? Number.NaN;
  const row = { scenario: scenario.name, figure, bound, median, worst, worstSeed: worstAt + 1 };
  return {
    ...row,
    isKept: bound === undefined ? undefined : keeps(bound, bound.of === 'worst' ? worst : median),
  };
}

function keeps({ is, bound }: Bound, value: number): boolean {
  return is === 'at least' ? value >= bound : value <= bound;
}

/** A table for the terminal: a scenario's name, and a line for each of its figures. */
export function toTable(rows: readonly Row[]): string {
  const lines = [line('figure', 'held to', 'median', 'worst (seed)', '')];
  let scenario = '';
  for (const row of rows) {
    if (row.scenario !== scenario) lines.push('', row.scenario);
    scenario = row.scenario;
    const worst = `${toText(row.worst)} (${row.worstSeed})`;
    const verdict = row.isKept === undefined ? '' : row.isKept ? 'kept' : 'MISSED';
    lines.push(line(row.figure, toWords(row.bound), toText(row.median), worst, verdict));
  }
  return `${lines.join('\n')}\n`;
}

function line(figure: string, held: string, median: string, worst: string, verdict: string): string {
  return `  ${figure.padEnd(42)} ${held.padEnd(26)} ${median.padStart(8)} ${worst.padStart(16)}  ${verdict}`.trimEnd();
}

function toWords(bound: Bound | undefined): string {
  if (bound === undefined) return '';
  const median = bound.of === 'median' ? ', median' : '';
  const goal = bound.goal === undefined ? '' : ` (goal ${bound.goal})`;
  return `${bound.is} ${bound.bound}${median}${goal}`;
}

/** A number in few digits. */
export function toText(value: number): string {
  if (Number.isNaN(value)) return 'never';
  const size = Math.abs(value);
  return Number.isInteger(value) ? String(value) : value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 3);
}
