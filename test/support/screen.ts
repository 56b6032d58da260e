import { EventEmitter } from 'node:events';
import type { ScreenStream } from '../../src/cli/live-screen.ts';

/** A terminal as far as the live screen uses one: what it shows, and what it was sent. */
export interface FakeTerminal {
  readonly stream: ScreenStream;
  /** What the screen shows, without the blank rows below. */
  rows(): string[];
  /** All that was written. */
  sent(): string;
  readonly cursorShown: boolean;
  /** Gives it another size, and says so; what it shows is not wrapped anew. */
  resize(columns: number, rows: number): void;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const TOKEN = /\u001b\[(\??[\d;]*)([A-Za-z])|[\s\S]/gu;

/** A terminal in memory. It knows no styles, and no characters that take two columns. */
export function fakeTerminal(columns: number, rows: number): FakeTerminal {
  const emitter = new EventEmitter();
  const size = { columns, rows };
  /** All rows so far; those that were scrolled out of sight are the first. */
  const grid: string[][] = [[]];
  let [row, column, sent, cursorShown] = [0, 0, '', true];
  const top = (): number => Math.max(0, grid.length - size.rows);

  function down(): void {
    row += 1;
    column = 0;
    if (row === grid.length) grid.push([]);
  }
  function put(character: string): void {
    if (column === size.columns) down();
    const cells = grid[row] ?? [];
    while (cells.length < column) cells.push(' ');
    cells[column] = character;
    column += 1;
  }
  const keep = (at: number, cells: number): void => {
    grid[at] = (grid[at] ?? []).slice(0, cells);
  };
  const commands: Record<string, (count: number, parameter: string) => void> = {
    A: (count) => {
      row = Math.max(top(), row - count);
    },
    B: (count) => {
      row = Math.min(grid.length - 1, row + count);
    },
    G: () => {
      column = 0;
    },
    K: (count) => keep(row, count === 2 ? 0 : column),
    J: () => {
      for (let below = row; below < grid.length; below += 1) keep(below, below === row ? column : 0);
    },
    m: () => {},
    h: (_, parameter) => {
      if (parameter === '?25') cursorShown = true;
    },
    l: (_, parameter) => {
      if (parameter === '?25') cursorShown = false;
    },
  };
  function write(text: string): boolean {
    sent += text;
    for (const [token, parameter = '', command] of text.matchAll(TOKEN)) {
      if (command !== undefined) commands[command]?.(Number(parameter || '1'), parameter);
      else if (token === '\n') down();
      else if (token === '\r') column = 0;
      else put(token);
    }
    return true;
  }

  const stream = Object.defineProperties(Object.assign(emitter, { isTTY: true, write }), {
    columns: { get: () => size.columns },
    rows: { get: () => size.rows },
  }) as unknown as ScreenStream;
  return {
    stream,
    rows: () =>
      grid
        .slice(top())
        .map((cells) => cells.join('').trimEnd())
        .join('\n')
        .trimEnd()
        .split('\n'),
    sent: () => sent,
    get cursorShown() {
      return cursorShown;
    },
    resize(nextColumns, nextRows) {
      Object.assign(size, { columns: nextColumns, rows: nextRows });
      emitter.emit('resize');
    },
  };
}
