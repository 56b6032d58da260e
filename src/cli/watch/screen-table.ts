import { cutLine, widthOf } from '../live-screen.ts';
import { shortAge, shortCount, shortRate, shortSpan, type Terminal } from '../terminal.ts';
import { type ClientNews, lastErrorOf } from './client-news.ts';

/** How lines are styled; `terminal.style`. */
export type Style = Terminal['style'];

interface Column {
  readonly head: string;
  readonly width: number;
  readonly left?: boolean;
  cell(news: ClientNews, style: Style): string;
}

/** A table of clients for a terminal of some width. */
export interface ScreenTable {
  readonly head: string;
  /** Whether its rows tell of last errors. */
  readonly tellsErrors: boolean;
  row(news: ClientNews): string;
}

const LEAST_NAME = 8;
const MOST_NAME = 30;
const LEAST_ERROR = 24;
const TREND: Column = { head: 'last minute', width: 12, cell: ({ trend }) => sparkline(trend), left: true };

const FIGURES: readonly Column[] = [
  { head: 'in/s', width: 6, cell: ({ rates }) => shortRate(rates?.acceptedPerSecond) },
  {
    head: 'out/s',
    width: 6,
    cell: ({ look, rates }, style) =>
      look.pausedAt === undefined ? shortRate(rates?.deliveredPerSecond) : style('yellow', 'paused'),
  },
  {
    head: 'fail/s',
    width: 6,
    cell: ({ rates }, style) => warn(style, 'red', shortRate(rates?.failedPerSecond), rates?.failedPerSecond),
  },
  { head: 'mean', width: 6, cell: ({ rates }) => spanOf(rates?.attemptMs) },
  { head: 'backlog', width: 9, cell: ({ backlog, trend }) => `${shortCount(backlog)} ${arrow(trend)}` },
  { head: 'oldest', width: 6, cell: ({ look }) => (look.oldestMs === 0 ? '-' : shortAge(look.oldestMs)) },
  {
    head: 'retrying',
    width: 8,
    cell: ({ look }, style) => warn(style, 'yellow', shortCount(look.retrying), look.retrying),
  },
  { head: 'dead', width: 6, cell: ({ look }, style) => warn(style, 'red', shortCount(look.dead), look.dead) },
];
const INCIDENTS: Column = {
  head: 'inc',
  width: 3,
  cell: ({ look }, style) => warn(style, 'red', shortCount(look.incidents), look.incidents),
};

/**
 * Lays out a table. Incidents have a column where there are any; from about 110 columns on there is the course of
 * the backlog, too, and as much of the last errors as there is room for.
 *
 * @param now ms since the epoch
 */
export function layOutTable(
  news: readonly ClientNews[],
  width: number,
  now: number,
  style: Style,
): ScreenTable {
  const failing = news.some(({ look }) => look.incidents > 0);
  const figures = failing ? [...FIGURES, INCIDENTS] : FIGURES;
  const taken = figures.reduce((sum, column) => sum + column.width + 1, 0);
  const longest = Math.max(LEAST_NAME, ...news.map(({ client }) => client.length));
  const name = Math.max(LEAST_NAME, Math.min(longest, MOST_NAME, width - taken));
  const columns: Column[] = [
    { head: 'client', width: name, left: true, cell: ({ client }) => client },
    ...figures,
  ];
  let room = width - taken - name;
  if (room > TREND.width + 1) {
    columns.push(TREND);
    room -= TREND.width + 1;
  }
  const tellsErrors = room > LEAST_ERROR + 1;
  if (tellsErrors) {
    const cell = (one: ClientNews): string => lastErrorOf(one, now);
    columns.push({ head: 'last error', width: room - 1, left: true, cell });
  }
  return {
    tellsErrors,
    head: style('bold', joinCells(columns.map((column) => fillCell(column, column.head)))),
    row: (one) => joinCells(columns.map((column) => fillCell(column, column.cell(one, style)))),
  };
}

function spanOf(ms: number | undefined): string {
  return ms === undefined ? '-' : shortSpan(ms);
}

function warn(style: Style, colour: 'red' | 'yellow', text: string, figure: number | undefined): string {
  return (figure ?? 0) > 0 ? style(colour, text) : text;
}

function fillCell({ width, left }: Column, text: string): string {
  const cut = cutLine(text, width);
  const blank = ' '.repeat(width - widthOf(cut));
  return left === true ? `${cut}${blank}` : `${blank}${cut}`;
}

function joinCells(cells: readonly string[]): string {
  return cells.join(' ').trimEnd();
}

const BARS = '▁▂▃▄▅▆▇█';

/** Few events are no tall bar. */
const LEAST_FULL_BAR = 10;

/** A bar for each figure, as high as it is of the largest; a blank where there is none. */
function sparkline(figures: readonly (number | undefined)[]): string {
  const most = Math.max(LEAST_FULL_BAR, ...figures.map((figure) => figure ?? 0));
  return figures
    .map((figure) => (figure === undefined ? ' ' : BARS[Math.ceil((figure / most) * (BARS.length - 1))]))
    .join('');
}

/** Where figures go: up or down by more than a twentieth and more than one, or neither (a blank). */
function arrow(figures: readonly (number | undefined)[]): string {
  const known = figures.filter((figure) => figure !== undefined);
  const [first = 0, last = 0] = [known[0], known.at(-1)];
  if (Math.abs(last - first) <= Math.max(1, first / 20)) return ' ';
  return last > first ? '↑' : '↓';
}
