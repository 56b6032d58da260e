/** What a spreadsheet takes for a formula, also behind blanks. */
const FORMULA = /^\s*[=+\-@]/;
/** What separates cells and lines; spreadsheets in some languages take a semicolon for it. */
const SEPARATING = /[",;\t\r\n]/;

/** A line of CSV (RFC 4180), with its end. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map(cellOf).join(',')}\r\n`;
}

function cellOf(text: string): string {
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return SEPARATING.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
