import Table from 'cli-table3';
import stringWidth from 'string-width';

/** A table to be printed. `numeric`: the columns that are aligned to the right. */
export interface TableText {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly numeric: readonly number[];
}

/** Whoever reads a part of these can do nothing with it. */
const NEVER_CUT: ReadonlySet<string> = new Set(['client', 'id', 'unit']);
/** Of what may be cut, so much stays at least: a date, a class. */
const LEAST_WIDTH = 10;

/**
 * Lays out a table in so many columns of a terminal: texts that are too long are cut with an ellipsis, and if that is
 * not enough, each row becomes a list of its cells.
 *
 * @param bold makes a head bold
 */
export function fitTable(table: TableText, columns: number, bold: (text: string) => string): string {
  const { head, rows, numeric } = table;
  const widths = head.map((name, column) =>
    Math.max(...[name, ...rows.map((row) => row[column] ?? '')].map((cell) => stringWidth(cell))),
  );
  const isCuttable = head.map((name, column) => !NEVER_CUT.has(name) && !numeric.includes(column));
  const fitting = narrow(widths, isCuttable, columns);
  return fitting === undefined ? stack(table, bold) : layOut(table, fitting, bold);
}

/** Takes from the widest column that may be cut until all fit, each with a blank; undefined: they do not. */
function narrow(
  widths: readonly number[],
  isCuttable: readonly boolean[],
  columns: number,
): number[] | undefined {
  const fitting = [...widths];
  // The last column has no blank after it.
  const excess = (): number => fitting.reduce((sum, width) => sum + width + 2, -2) - columns;
  while (excess() > 0) {
    const cuttable = fitting.map((width, column) => (isCuttable[column] ? width : 0));
    const widest = Math.max(...cuttable);
    if (widest <= LEAST_WIDTH) return undefined;
    fitting[cuttable.indexOf(widest)] = widest - 1;
  }
  return fitting;
}

/** Columns apart by blanks, without rules: narrow, and easy to copy. */
const PLAIN_LINES = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: ' ' },
};

function layOut(
  { head, rows, numeric }: TableText,
  widths: number[],
  bold: (text: string) => string,
): string {
  const table = new Table({
    head: head.map(bold),
    colAligns: head.map((_, column) => (numeric.includes(column) ? 'right' : 'left')),
    colWidths: widths.map((width) => width + 1),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 1 },
    chars: PLAIN_LINES,
  });
  for (const row of rows) table.push([...row]);
  return table.toString().replace(/ +$/gm, '');
}

function stack({ head, rows }: TableText, bold: (text: string) => string): string {
  const width = Math.max(...head.map((name) => stringWidth(name))) + 2;
  const lists = rows.map((row) =>
    row.map((cell, column) => `${bold((head[column] ?? '').padEnd(width))}${cell}`.trimEnd()).join('\n'),
  );
  return lists.join('\n\n');
}
