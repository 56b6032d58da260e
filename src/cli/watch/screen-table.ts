import { cutLine, widthOf } from '../cut-line.ts';
import type { Terminal } from '../terminal.ts';
import { oneLine } from '../terminal.ts';
import type { ClientNews } from './client-news.ts';
import { arrow, shortAge, shortCount, shortRate, shortSpan, sparkline } from './short-figures.ts';
import { troubleOf } from './trouble.ts';

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

/** `503 server_error, 3 s ago`; empty for a client that is quiet by now. */
export function lastErrorOf(news: ClientNews, now: number): string {
  const { lastError } = news.look;
  if (lastError === undefined || troubleOf(news) === 0) return '';
  const { status, class: failureClass, at, detail } = lastError;
  const what = status === 0 ? failureClass : `${status} ${failureClass}`;
  const ago = `${shortAge(now - at)} ago`;
  return oneLine(`${what}, ${ago}${detail === '' ? '' : `: ${detail}`}`);
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
