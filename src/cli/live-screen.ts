import cliCursor from 'cli-cursor';
import cliTruncate from 'cli-truncate';
import stringWidth from 'string-width';
import { visibleText } from './terminal.ts';

/** The stream of a terminal: `process.stdout` or `process.stderr`. */
export interface ScreenStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** What is between these is shown at once, by terminals that can; a line that is too long is not wrapped. */
const BEGIN_FRAME = '\u001b[?2026h\u001b[?7l';
const END_FRAME = '\u001b[?7h\u001b[?2026l';
const ERASE_BELOW = '\u001b[J';
const ERASE_TO_END_OF_LINE = '\u001b[K';
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/** Whether a stream is a terminal whose cursor can be moved. */
export function canRedraw(stream: ScreenStream): boolean {
  return stream.isTTY === true && process.env['TERM'] !== 'dumb';
}

/**
 * Draws lines in a terminal again and again in the same place, below what it showed before; see `canRedraw`.
 * The cursor is hidden from the first drawing until `end()` or the end of the process, unless that is by SIGKILL.
 *
 * @param onResize draws what fits then; absent: the same lines are drawn again
 */
export function createLiveScreen(stream: ScreenStream, onResize?: () => void) {
  let lines: readonly string[] = [];
  let shown: readonly string[] = [];
  let shape = '';
  let ended = false;

  /** Without the cursor's row, and the last column: in that, some terminals erase the character before it. */
  const size = () => ({
    columns: Math.max(1, (stream.columns || DEFAULT_COLUMNS) - 1),
    rows: Math.max(1, (stream.rows || DEFAULT_ROWS) - 1),
  });
  /** Shows these lines instead of those before, cut to the terminal; a last line counts those without a row. */
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
    cliCursor.hide(stream);
    stream.write(`${BEGIN_FRAME}${frame}${END_FRAME}`);
  }
  const redraw = onResize ?? ((): void => draw(lines));
  stream.on('resize', redraw);
  return {
    size,
    draw,
    /** Leaves the lines on the screen, and shows the cursor; later drawings do nothing. */
    end(): void {
      ended = true;
      stream.removeListener('resize', redraw);
      cliCursor.show(stream);
    },
  };
}

function fitLines(lines: readonly string[], columns: number, rows: number): string[] {
  const more = lines.length - rows + 1;
  const fitting = lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `(${more} more lines)`];
  return fitting.map((line) => cutLine(line, columns));
}

/** Writes the lines that differ in their places. The cursor begins and ends in the row below the last line. */
function changedLines(before: readonly string[], lines: readonly string[]): string {
  if (lines.every((line, row) => line === before[row])) return '';
  const steps = lines.map((line, row) => (line === before[row] ? '\n' : `${line}${ERASE_TO_END_OF_LINE}\n`));
  return `\u001b[${lines.length}A\r${steps.join('')}`;
}

/** Erases the lines before and writes the new ones. A terminal that became narrower has wrapped the old ones. */
function redrawn(before: readonly string[], lines: readonly string[], columns: number): string {
  const rows = before.reduce((sum, line) => sum + Math.max(1, Math.ceil(stringWidth(line) / columns)), 0);
  const erase = rows === 0 ? '' : `\u001b[${rows}A\r${ERASE_BELOW}`;
  return erase + lines.map((line) => `${line}\n`).join('');
}

/** Colours and styles, as `styleText` writes them; nothing else may steer the terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one
const STYLE = /(\u001b\[[\d;]*m)/;

/** Cuts a line to `columns`, with an ellipsis. Styles are kept, other control characters are made visible. */
export function cutLine(line: string, columns: number): string {
  const parts = line.split(STYLE);
  const harmless = parts.map((part, i) => (i % 2 === 1 ? part : visibleText(part).replace(/\s/g, ' ')));
  const cut = cliTruncate(harmless.join(''), columns);
  // Half of a wide character does not fit beside the ellipsis.
  return stringWidth(cut) > columns ? cliTruncate(harmless.join(''), columns - 1) : cut;
}
