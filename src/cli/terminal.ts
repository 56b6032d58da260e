import { styleText } from 'node:util';
import stringWidth from 'string-width';
import { wrapText } from '../core/wrap-text.ts';
import { fitTable } from './fit-table.ts';

type Style = Parameters<typeof styleText>[0];

/** What a command writes with: JSON on stdout for machines, or text and tables for people. */
export class Terminal {
  readonly json: boolean;

  constructor(json: boolean) {
    this.json = json;
  }

  /** Prints the one JSON value of a command; does nothing for people. */
  value(value: unknown): void {
    if (this.json) process.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /**
   * Prints sentences for people, which give way in a narrow terminal; does nothing with `--json`. No line is broken at
   * a no-break space, which is printed as a blank.
   *
   * @param hang by how much more is set in what goes on in a further line; or what stands there before it
   */
  line(text = '', hang: number | string = 2): void {
    this.verbatim(breakLines(text, columnsOf(process.stdout), hang).replaceAll('\u00a0', ' '));
  }

  /** Prints for people what is to be copied as it is; does nothing with `--json`. */
  verbatim(text: string): void {
    if (!this.json) process.stdout.write(`${text}\n`);
  }

  /** Prints a table for people. @param numeric the columns that are aligned to the right */
  table(
    head: readonly string[],
    rows: readonly (readonly (string | number)[])[],
    numeric: readonly number[] = [],
  ): void {
    // To lay out a long one takes longer than to read its rows.
    if (this.json) return;
    const cells = rows.map((row) => row.map((cell) => oneLine(String(cell))));
    const bold = (text: string): string => this.style('bold', text);
    this.verbatim(fitTable({ head, rows: cells, numeric }, columnsOf(process.stdout), bold));
  }

  /** Says something beside the result, on stderr, in both modes. */
  note(text: string): void {
    process.stderr.write(`${visibleText(text)}\n`);
  }

  /** Adds a style if stdout is a terminal. */
  readonly style = (style: Style, text: string): string => {
    const isColoured = process.stdout.isTTY === true && !process.env['NO_COLOR'];
    return isColoured ? styleText(style, text) : text;
  };
}

/** How wide a stream is; without bound if it is no terminal. */
function columnsOf(stream: { readonly isTTY?: boolean; readonly columns?: number }): number {
  return (stream.isTTY === true && stream.columns) || Number.POSITIVE_INFINITY;
}

/** Breaks each line at its blanks where it would leave the terminal; what goes on is set in by `hang` more. */
export function breakLines(text: string, columns: number, hang: number | string): string {
  const before = typeof hang === 'number' ? ' '.repeat(hang) : hang;
  return text
    .split('\n')
    .map((line) => {
      if (stringWidth(line) <= columns) return line;
      const [indent = ''] = /^ */.exec(line) ?? [];
      const firstWidth = Math.max(LEAST_WIDTH, columns - indent.length);
      const width = Math.max(LEAST_WIDTH, firstWidth - before.length);
      const lines = wrapText(line.trimStart(), width, { firstWidth, widthOf: stringWidth });
      return indent + lines.join(`\n${indent}${before}`);
    })
    .join('\n');
}

/** Narrower than this, the terminal breaks lines itself. */
const LEAST_WIDTH = 16;

/** Asks a yes-or-no question; Ctrl-C and Ctrl-D are a no. Undefined if there is no terminal to ask on. */
export async function confirm(question: string): Promise<boolean | undefined> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return undefined;
  const { createInterface } = await import('node:readline/promises');
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((resolve) => {
    reader.once('close', () => resolve('\n'));
  });
  try {
    // Ctrl-C rejects the question; Ctrl-D leaves it open.
    const answer = await Promise.race([reader.question(`${question} [y/N] `).catch(() => '\n'), closed]);
    if (answer === '\n') process.stderr.write(answer);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    reader.close();
  }
}

/** A failed attempt: its status and class, `503 (server_error)`, or its class alone if there was no status (0). */
export function failureText(status: number, failureClass: string): string {
  return status === 0 ? failureClass : `${status} (${failureClass})`;
}

const BARS = '▁▂▃▄▅▆▇█';

/** A bar for each figure, relative to the largest or to `least`; a blank if there is no figure. */
export function sparkline(figures: readonly (number | null | undefined)[], least = 0): string {
  const most = Math.max(least, ...figures.map((figure) => figure ?? 0)) || 1;
  const bar = (figure: number): string => BARS[Math.ceil((figure / most) * (BARS.length - 1))] ?? '';
  return figures.map((figure) => (figure == null ? ' ' : bar(figure))).join('');
}

/** As `visibleText`, in one line. */
export function oneLine(text: string): string {
  return visibleText(text.replace(/\s+/g, ' ').trim());
}

/** Shows control characters and Hangul fillers by their code: text from elsewhere cannot steer the terminal. */
export function visibleText(text: string): string {
  return text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u115f\u1160\u3164\uffa0]/gu, (character) =>
    character === '\n' || character === '\t'
      ? character
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
