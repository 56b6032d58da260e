import { cutLine, type LiveScreen, widthOf } from '../live-screen.ts';
import {
  formatTime,
  shortAge,
  shortCount,
  shortRate,
  shortSpan,
  sparkline,
  type Terminal,
} from '../terminal.ts';
import {
  byTrouble,
  type ClientNews,
  lastErrorOf,
  type Rates,
  troubleOf,
  type WatchTick,
} from './client-news.ts';

type Style = Terminal['style'];
type Size = ReturnType<LiveScreen['size']>;

/** More quiet clients than these are told in one line. */
const MOST_QUIET = 5;
const MOST_ERRORS = 5;
/** Beside the errors there are the head of the table and two rows of it, and theirs with a blank line above. */
const BESIDE_ERRORS = 5;

/** What the screen of `status --watch` shows; no more lines than rows, if there are ten rows or more. */
export function screenLines(tick: WatchTick, { columns, rows }: Size, style: Style): string[] {
  const news = byTrouble(tick.news);
  const top = [...headLines(tick, style), ''];
  if (news.length === 0) return top;
  const table = layOutTable(news, columns, tick.at, style);
  const most = table.tellsErrors ? 0 : Math.min(MOST_ERRORS, rows - top.length - BESIDE_ERRORS);
  const errors = errorLines(news, Math.max(0, most), tick.at, columns, style);
  const body = tableLines(news, table, rows - top.length - errors.length - 1, style);
  return [...top, table.head, ...body, ...errors];
}

function headLines({ at, news, services, away }: WatchTick, style: Style): string[] {
  const clients = `${shortCount(news.length)} client${news.length === 1 ? '' : 's'}`;
  const title = `${style('bold', 'waybill status')}  ${formatTime(at)}  ${clients}  ${style('dim', 'q ends')}`;
  if (away !== undefined) {
    const stale = news.length > 0 ? '; the figures are from before' : '';
    return [title, style('red', away.reason), style('red', `for ${shortAge(at - away.since)}${stale}`)];
  }
  if (services !== 0) return [title, totalsOf(news)];
  const idle = 'No service is running: nothing is delivered until "waybill start".';
  return [title, totalsOf(news), style('yellow', idle)];
}

function totalsOf(news: readonly ClientNews[]): string {
  const rates = news.flatMap((one) => one.rates ?? []);
  const rate = (read: (one: Rates) => number): string =>
    shortRate(rates.length === 0 ? undefined : rates.reduce((sum, one) => sum + read(one), 0));
  const [accepted, delivered] = [rate((one) => one.acceptedPerSecond), rate((one) => one.deliveredPerSecond)];
  const failed = rate((one) => one.failedPerSecond);
  return `${accepted} in/s  ${delivered} out/s  ${failed} failed/s  ${amountsOf(news)}`;
}

function amountsOf(news: readonly ClientNews[]): string {
  const sum = (read: (one: ClientNews) => number): string =>
    shortCount(news.reduce((total, one) => total + read(one), 0));
  const retrying = sum(({ view }) => view.retrying);
  return `backlog ${sum(({ backlog }) => backlog)}  retrying ${retrying}  dead ${sum(({ view }) => view.dead)}`;
}

/** A few quiet clients have rows of their own; one line tells of the others and of those without room. */
function tableLines(news: readonly ClientNews[], table: ScreenTable, room: number, style: Style): string[] {
  const telling = news.filter((one) => troubleOf(one) > 0);
  const quiet = news.length - telling.length;
  if (news.length <= room && quiet <= MOST_QUIET) {
    return news.map((one) => (troubleOf(one) > 0 ? table.row(one) : style('dim', table.row(one))));
  }
  const fits = telling.length + (quiet > 0 ? 1 : 0) <= room;
  const shown = fits ? telling : telling.slice(0, Math.max(1, room - 1));
  const rest = telling.slice(shown.length);
  const clients = (count: number): string =>
    `${shortCount(count)}${shown.length > 0 ? ' more' : ''} client${count === 1 ? '' : 's'}`;
  const more: string[] = [];
  if (rest.length > 0) more.push(`${clients(rest.length)} with ${amountsOf(rest)}`);
  if (quiet > 0) {
    const who = rest.length > 0 ? shortCount(quiet) : clients(quiet);
    more.push(`${who} ${quiet === 1 ? 'is' : 'are'} quiet`);
  }
  return [...shown.map(table.row), style('dim', more.join('; '))];
}

function errorLines(
  news: readonly ClientNews[],
  most: number,
  now: number,
  columns: number,
  style: Style,
): string[] {
  const told = news
    .map((one) => [one.client, lastErrorOf(one, now)] as const)
    .filter(([, error]) => error !== '')
    .slice(0, most);
  if (told.length === 0) return [];
  const name = Math.min(Math.max(...told.map(([client]) => client.length)), Math.floor(columns / 3));
  const lines = told.map(([client, error]) => `${client.slice(0, name).padEnd(name)} ${error}`);
  return ['', style('bold', 'last errors'), ...lines];
}

interface Column {
  readonly head: string;
  readonly width: number;
  readonly left?: boolean;
  cell(news: ClientNews, style: Style): string;
}

/** A table of clients for a terminal of some width. */
interface ScreenTable {
  readonly head: string;
  /** Whether its rows tell of last errors. */
  readonly tellsErrors: boolean;
  row(news: ClientNews): string;
}

const LEAST_NAME = 8;
const MOST_NAME = 30;
const LEAST_ERROR = 24;
/** A full bar is at least this many events. */
const LEAST_FULL_BAR = 10;
const TREND: Column = {
  head: 'last minute',
  width: 12,
  cell: ({ trend }) => sparkline(trend, LEAST_FULL_BAR),
  left: true,
};

const FIGURES: readonly Column[] = [
  { head: 'in/s', width: 6, cell: ({ rates }) => shortRate(rates?.acceptedPerSecond) },
  {
    head: 'out/s',
    width: 6,
    cell: ({ view, rates }, style) =>
      view.pausedAt === undefined ? shortRate(rates?.deliveredPerSecond) : style('yellow', 'paused'),
  },
  warning('fail/s', 6, 'red', ({ rates }) => rates?.failedPerSecond, shortRate),
  {
    head: 'mean',
    width: 6,
    cell: ({ rates }) => (rates?.attemptMs === undefined ? '-' : shortSpan(rates.attemptMs)),
  },
  { head: 'backlog', width: 9, cell: ({ backlog, trend }) => `${shortCount(backlog)} ${arrow(trend)}` },
  { head: 'oldest', width: 6, cell: ({ view }) => (view.oldestMs === 0 ? '-' : shortAge(view.oldestMs)) },
  warning('retrying', 8, 'yellow', ({ view }) => view.retrying),
  warning('dead', 6, 'red', ({ view }) => view.dead),
];
const INCIDENTS = warning('inc', 3, 'red', ({ view }) => view.incidents.length);

/** A column that is coloured unless its figure is 0. */
function warning(
  head: string,
  width: number,
  colour: 'red' | 'yellow',
  figureOf: (news: ClientNews) => number | undefined,
  show: (figure: number) => string = shortCount,
): Column {
  const cell: Column['cell'] = (news, style) => {
    const figure = figureOf(news);
    if (figure === undefined) return '-';
    return figure > 0 ? style(colour, show(figure)) : show(figure);
  };
  return { head, width, cell };
}

/**
 * Lays out a table. Incidents have a column if there are any. From about 110 columns on, the course of the backlog
 * and as much of the last errors as fits have one, too.
 *
 * @param now ms since the epoch
 */
function layOutTable(news: readonly ClientNews[], width: number, now: number, style: Style): ScreenTable {
  const failing = news.some(({ view }) => view.incidents.length > 0);
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
  const rowOf = (textOf: (column: Column) => string): string =>
    columns
      .map((column) => fillCell(column, textOf(column)))
      .join(' ')
      .trimEnd();
  return {
    tellsErrors,
    head: style(
      'bold',
      rowOf((column) => column.head),
    ),
    row: (one) => rowOf((column) => column.cell(one, style)),
  };
}

function fillCell({ width, left }: Column, text: string): string {
  const cut = cutLine(text, width);
  const blank = ' '.repeat(width - widthOf(cut));
  return left === true ? `${cut}${blank}` : `${blank}${cut}`;
}

/** Up or down if figures moved by more than a twentieth and by more than one; otherwise a blank. */
function arrow(figures: readonly (number | undefined)[]): string {
  const known = figures.filter((figure) => figure !== undefined);
  const [first = 0, last = 0] = [known[0], known.at(-1)];
  if (Math.abs(last - first) <= Math.max(1, first / 20)) return ' ';
  return last > first ? '↑' : '↓';
}
