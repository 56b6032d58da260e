import { stripVTControlCharacters } from 'node:util';
import { createLogUpdate } from 'log-update';
import { cutLine, widthOf } from './cut-line.ts';

/** A few lines at the bottom of a terminal that are drawn again and again in the same place. */
export interface LiveScreen {
  /**
   * Shows these lines instead of those before. They are cut to the terminal's width, and where there are more than
   * it has rows, a last line says how many more.
   */
  draw(lines: readonly string[]): void;
  /** Leaves what is on the screen, and gives the cursor back; nothing is drawn any more. */
  end(): void;
}

/** What is drawn on: `process.stdout`, or `process.stderr`. */
export interface ScreenStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

const SHOW_CURSOR = '\u001b[?25h';
const HIDE_CURSOR = '\u001b[?25l';
/** Terminals that know it show what is written between these two at once; the others ignore it. */
const BEGIN_FRAME = '\u001b[?2026h';
const END_FRAME = '\u001b[?2026l';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/** Whether a stream is a terminal whose cursor can be moved. */
export function canRedraw(stream: ScreenStream): boolean {
  return stream.isTTY === true && process.env['TERM'] !== 'dumb';
}

/**
 * Opens a screen on a terminal; see `canRedraw`. The cursor is hidden from the first drawing on until `end()`, or
 * until the process ends, however it does but by SIGKILL. It stays as small as what is drawn: what the terminal
 * showed before stays above it.
 *
 * @param onResize draws what fits then; absent: the same lines are drawn again
 */
export function createLiveScreen(stream: ScreenStream, onResize?: () => void): LiveScreen {
  const frame = openFrame(stream);
  let lines: readonly string[] = [];
  let hidden = false;
  let ended = false;

  function draw(next: readonly string[]): void {
    lines = next;
    if (ended) return;
    const drawn = frame.draw(fitLines(lines, stream));
    if (drawn === '') return;
    stream.write(`${hidden ? '' : HIDE_CURSOR}${BEGIN_FRAME}${drawn}${END_FRAME}`);
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
    draw,
    end() {
      ended = true;
      stream.removeListener('resize', redraw);
      stopGuarding();
      showCursor();
    },
  };
}

/** Calls back before the process ends, by a signal too; who else listens for the signal decides what it does. */
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

function fitLines(lines: readonly string[], stream: ScreenStream): string[] {
  // A row is left to the cursor. In the last column, some terminals erase the character before it.
  const rows = Math.max(1, (stream.rows || DEFAULT_ROWS) - 1);
  const columns = Math.max(1, (stream.columns || DEFAULT_COLUMNS) - 1);
  const more = lines.length - rows + 1;
  const shown = lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `(${more} more lines)`];
  return shown.map((line) => {
    const cut = cutLine(line, columns);
    return process.env['NO_COLOR'] ? stripVTControlCharacters(cut) : cut;
  });
}

/**
 * What is to be written for the next lines: log-update writes those that changed. It (7.2) puts them into wrong rows
 * where there are more or fewer lines than before, or blank ones among them: the former are written anew, the latter
 * hold a space.
 */
function openFrame(stream: ScreenStream): { draw(lines: readonly string[]): string } {
  let written: string[] = [];
  let shown: readonly string[] = [];
  let size = '';
  const collector = {
    get columns() {
      return stream.columns || DEFAULT_COLUMNS;
    },
    get rows() {
      return stream.rows || DEFAULT_ROWS;
    },
    write: (text: string) => written.push(text),
  } as unknown as NodeJS.WritableStream;
  // Its own way to hide the cursor is for stderr only.
  const update = createLogUpdate(collector, { showCursor: true });

  return {
    draw(lines) {
      const nextSize = `${stream.columns} ${stream.rows}`;
      written = [];
      if (lines.length !== shown.length || nextSize !== size) {
        update.done();
        written.push(eraseLines(shown, stream.columns || DEFAULT_COLUMNS));
      }
      shown = lines;
      size = nextSize;
      if (lines.length > 0) update(lines.map((line) => line || ' ').join('\n'));
      return written.join('');
    },
  };
}

/** From the row below these lines back to their first, and all below erased. A narrower terminal has wrapped them. */
function eraseLines(lines: readonly string[], columns: number): string {
  const rows = lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
  return rows === 0 ? '' : `\u001b[${rows}A\r\u001b[J`;
}
