import { progress } from '../../support/run-program.ts';
import { MEASURES } from './measures.ts';
import type { Row } from './row.ts';
import { toRowsTable } from './rows-table.ts';

/** What of `--all` is asked for. */
export interface AllOptions {
  readonly scale: number;
  readonly json: boolean;
  /** Only this one; undefined: all. */
  readonly measure: string | undefined;
}

/** Measures one after another, and prints all rows: a table, or one JSON value. */
export async function runAll({ scale, json, measure: only }: AllOptions): Promise<void> {
  const rows: Row[] = [];
  // Child processes end with this one, and its Redis servers too.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  for (const [name, measure] of Object.entries(MEASURES)) {
    if (only !== undefined && name !== only) continue;
    progress(`measuring: ${name}`);
    rows.push(...[await measure(scale)].flat());
  }
  process.stdout.write(`${json ? JSON.stringify({ scale, rows }) : toRowsTable(rows)}\n`);
}
