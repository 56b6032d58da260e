import { parseArgs } from 'node:util';
import { progress, runProgram } from '../support/run-program.ts';
import { measure, type Row, toTable } from './report.ts';
import { SCENARIOS } from './scenarios.ts';

/*
 * `npm run simulate`: runs every scenario of the pace over many seeds, and prints what each figure came to. Exit codes:
 * 0 all bounds are kept; 1 otherwise; 2 usage.
 */

const USAGE = 'npm run simulate -- [--seeds N] [--only REGEX]\n';
const SEEDS = 2_000;

interface Options {
  readonly seeds: number;
  readonly only: RegExp;
}

function readOptions(): Options {
  const { values } = parseArgs({ options: { seeds: { type: 'string' }, only: { type: 'string' } } });
  const seeds = Number(values.seeds ?? SEEDS);
  if (!Number.isInteger(seeds) || seeds < 1) {
    throw new Error(`--seeds ${values.seeds}: must be a whole number from 1`);
  }
  return { seeds, only: new RegExp(values.only ?? '') };
}

await runProgram('the simulation', USAGE, readOptions, async ({ seeds, only }) => {
  const rows: Row[] = [];
  for (const scenario of SCENARIOS.filter(({ name }) => only.test(name))) {
    const from = performance.now();
    rows.push(...measure(scenario, seeds));
    const seconds = (performance.now() - from) / 1_000;
    progress(
      `${scenario.name}: ${seconds.toFixed(1)} s, ${((seconds / seeds) * 1_000).toFixed(0)} ms a seed`,
    );
  }
  process.stdout.write(toTable(rows));
  if (rows.some((row) => row.isKept === false)) process.exitCode = 1;
});
