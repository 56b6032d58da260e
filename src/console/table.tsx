import type { ComponentChildren } from 'preact';

/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  /** `number`: to the right. `head`: names the row. */
  readonly kind?: 'number' | 'head' | 'reason' | 'check';
  cell(row: Row): ComponentChildren;
}

interface TableProps<Row> {
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly caption?: string;
  keyOf(row: Row): string;
}

/** A table; on a phone each row of it is a card. */
export function Table<Row>({ columns, rows, caption, keyOf }: TableProps<Row>) {
  return (
    <div class="wide">
      <table>
        {caption !== undefined && <caption>{caption}</caption>}
        <thead>
          <tr>
            {columns.map(({ title, kind }) => (
              <th key={title} scope="col" class={kind}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ title, kind, cell }) =>
                kind === 'head' ? (
                  <th key={title} scope="row">
                    {cell(row)}
                  </th>
                ) : (
                  <td key={title} class={kind} data-label={title}>
                    {cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
