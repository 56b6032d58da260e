import { plainTable } from '../report.ts';
import type { Row } from './row.ts';

/** The table of all rows, and below it what each of them means. */
export function toRowsTable(rows: readonly Row[]): string {
  const table = plainTable(
    ['', 'measured', 'goal', 'floor', 'verdict'],
    ['left', 'right', 'right', 'right', 'left'],
  );
  for (const { name, measured, goal, floor, verdict } of rows) {
    table.push([name, measured, number(goal), number(floor), verdict]);
  }
  return [table.toString(), ...rows.map(({ name, detail }) => `${name}: ${detail}`)].join('\n');
}

function number(value: number | undefined): string {
  return value?.toLocaleString('en-US') ?? '';
}
