import { styleText } from 'node:util';
import Table from 'cli-table3';

type Style = Parameters<typeof styleText>[0];

/** What a command writes with: JSON on stdout for machines, or text and tables for people. */
export interface Terminal {
  readonly json: boolean;
  /** Prints the one JSON value of a command; does nothing for people. */
  value(value: unknown): void;
  /** Prints a line for people; does nothing with `--json`. */
  line(text?: string): void;
  /** Prints a table for people. */
  table(
    head: readonly string[],
    rows: readonly (readonly (string | number)[])[],
    numeric?: readonly number[],
  ): void;
  /** Says something beside the result, on stderr, in both modes. */
  note(text: string): void;
  style(style: Style, text: string): string;
}

/** The terminal of a command. */
export function createTerminal(json: boolean): Terminal {
  const colour = process.stdout.isTTY === true && !process.env['NO_COLOR'];
  const style = (format: Style, text: string): string => (colour ? styleText(format, text) : text);
  const line = (text = ''): void => {
    if (!json) process.stdout.write(`${text}\n`);
  };
  return {
    json,
    style,
    line,
    value(value) {
      if (json) process.stdout.write(`${JSON.stringify(value)}\n`);
    },
    table(head, rows, numeric = []) {
      // To lay out a long one takes longer than to read its rows.
      if (json) return;
      const table = new Table({
        head: head.map((text) => style('bold', text)),
        colAligns: head.map((_, column) => (numeric.includes(column) ? 'right' : 'left')),
        style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 1 },
        chars: PLAIN_LINES,
      });
      for (const row of rows) table.push(row.map((cell) => oneLine(String(cell))));
      line(table.toString().replace(/ +$/gm, ''));
    },
    note(text) {
      process.stderr.write(`${visibleText(text)}\n`);
    },
  };
}

/** Columns apart by spaces, one rule under the head: narrow, and easy to copy. */
const PLAIN_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' ',
};

/** A moment for people: `2026-03-01 14:03:07Z`. */
export function formatTime(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z');
}

/** How long something takes, in its two largest units: `45 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1_000));
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ');
}

/** A number with thousands apart. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** As `visibleText`, in one line. */
export function oneLine(text: string): string {
  return visibleText(text.replace(/\s+/g, ' ').trim());
}

/** Shows control characters as what they are, so that text from elsewhere cannot steer the terminal. */
export function visibleText(text: string): string {
  return text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    character === '\n' || character === '\t'
      ? character
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
