import { stripVTControlCharacters } from 'node:util';
import { visibleText } from './terminal.ts';

/** A few lines at the bottom of a terminal that are drawn again and again in the same place. */
export interface LiveScreen {
  /** The columns and rows that are drawn on without a cut. */
  size(): { readonly columns: number; readonly rows: number };
  /**
   * Shows these lines instead of those before. They are cut to the terminal's width. If there are more lines than
   * rows, the last one says how many more.
   */
  draw(lines: readonly string[]): void;
  /** Leaves the lines on the screen, and shows the cursor; later drawings do nothing. */
  end(): void;
}

/** The stream of a terminal: `process.stdout` or `process.stderr`. */
export interface ScreenStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

const SHOW_CURSOR = '\u001b[?25h';
const HIDE_CURSOR = '\u001b[?25l';
/** A terminal that knows these two shows what is between them at once; others ignore them. */
const BEGIN_FRAME = '\u001b[?2026h';
const END_FRAME = '\u001b[?2026l';
const ERASE_BELOW = '\u001b[J';
const ERASE_TO_END_OF_LINE = '\u001b[K';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/** Whether a stream is a terminal whose cursor can be moved. */
export function canRedraw(stream: ScreenStream): boolean {
  return stream.isTTY === true && process.env['TERM'] !== 'dumb';
}

/**
 * Opens a screen on a terminal; see `canRedraw`. The cursor is hidden from the first drawing until `end()`, or until
 * the process ends, except by SIGKILL. What the terminal showed before stays above the lines.
 *
 * @param onResize draws what fits then; absent: the same lines are drawn again
 */
export function createLiveScreen(stream: ScreenStream, onResize?: () => void): LiveScreen {
  let lines: readonly string[] = [];
  let shown: readonly string[] = [];
  let shape = '';
  let hidden = false;
  let ended = false;

  // One row is left to the cursor. In the last column, some terminals erase the character before it.
  const size = () => ({
    columns: Math.max(1, (stream.columns || DEFAULT_COLUMNS) - 1),
    rows: Math.max(1, (stream.rows || DEFAULT_ROWS) - 1),
  });
  function draw(next: readonly string[]): void {
    lines = next;
    if (ended) return;
    const { columns, rows } = size();
    const fitting = fitLines(lines, columns, rows);
    const nextShape = `${columns} ${rows} ${fitting.length}`;
    const frame = nextShape === shape ? changedLines(shown, fitting) : redrawn(shown, fitting, columns + 1);
    shown = fitting;
    shape = nextShape;
    if (frame === '') return;
    stream.write(`${hidden ? '' : HIDE_CURSOR}${BEGIN_FRAME}${frame}${END_FRAME}`);
    hidden = true;
  }
  const redraw = onResize ?? ((): void => draw(lines));
  const showCursor = (): void => {
    if (hidden) stream.write(SHOW_CURSOR);
    hidden = false;
  };
  const stopGuarding = guardCursor(showCursor);
  stream.on('resize', redraw);
  return {
    size,
    draw,
    end() {
      ended = true;
      stream.removeListener('resize', redraw);
      stopGuarding();
      showCursor();
    },
  };
}

/** Calls back before the process ends, by a signal too; other listeners for the signal decide what it does. */
function guardCursor(showCursor: () => void): () => void {
  const onSignal = (signal: NodeJS.Signals): void => {
    showCursor();
    if (process.listenerCount(signal) > 1) return;
    stop();
    process.kill(process.pid, signal);
  };
  function stop(): void {
    process.removeListener('exit', showCursor);
    for (const signal of SIGNALS) process.removeListener(signal, onSignal);
  }
  process.on('exit', showCursor);
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return stop;
}

function fitLines(lines: readonly string[], columns: number, rows: number): string[] {
  const more = lines.length - rows + 1;
  const fitting = lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `(${more} more lines)`];
  return fitting.map((line) => {
    const cut = cutLine(line, columns);
    return process.env['NO_COLOR'] ? stripVTControlCharacters(cut) : cut;
  });
}

/** Writes the lines that differ in their places. The cursor begins and ends in the row below the last line. */
function changedLines(before: readonly string[], lines: readonly string[]): string {
  if (lines.every((line, row) => line === before[row])) return '';
  const steps = lines.map((line, row) => (line === before[row] ? '\n' : `${line}${ERASE_TO_END_OF_LINE}\n`));
  return `\u001b[${lines.length}A\r${steps.join('')}`;
}

/** Erases the lines before and writes the new ones. A terminal that became narrower has wrapped the old ones. */
function redrawn(before: readonly string[], lines: readonly string[], columns: number): string {
  const rows = before.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
  const erase = rows === 0 ? '' : `\u001b[${rows}A\r${ERASE_BELOW}`;
  return erase + lines.map((line) => `${line}\n`).join('');
}

/** Colours and styles, as `styleText` writes them; nothing else may steer the terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one
const STYLE = /(\u001b\[[\d;]*m)/;
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
const TWO_COLUMNS =
  /^(?:[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|.\ufe0f)/u;
const NO_COLUMN = /^[\p{M}\p{Cf}]+$/u;

/** How many columns of a terminal a line takes; styles take none. */
export function widthOf(line: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(stripVTControlCharacters(line))) width += columnsOf(segment);
  return width;
}

/**
 * Cuts a line to `columns`, with an ellipsis if something is missing. All its styles are kept, so that each one ends;
 * other control characters are shown as what they are.
 */
export function cutLine(line: string, columns: number): string {
  const parts = line
    .split(STYLE)
    .map((part, i) => (i % 2 === 1 ? part : visibleText(part).replace(/\s/g, ' ')));
  if (widthOf(parts.join('')) <= columns) return parts.join('');
  let room = columns - 1;
  const fitting = (text: string): string => {
    let kept = '';
    for (const { segment } of graphemes.segment(room < 0 ? '' : text)) {
      room -= columnsOf(segment);
      if (room < 0) return `${kept}…`;
      kept += segment;
    }
    return kept;
  };
  return parts.map((part, i) => (i % 2 === 1 ? part : fitting(part))).join('');
}

function columnsOf(grapheme: string): number {
  if (NO_COLUMN.test(grapheme)) return 0;
  return TWO_COLUMNS.test(grapheme) ? 2 : 1;
}
