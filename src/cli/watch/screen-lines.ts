import { formatTime, shortAge, shortCount, shortRate } from '../terminal.ts';
import { byTrouble, type ClientNews, lastErrorOf, troubleOf, type WatchTick } from './client-news.ts';
import { layOutTable, type ScreenTable, type Style } from './screen-table.ts';

/** The part of a terminal that there is to fill. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** More quiet clients than these are told in one line. */
const MOST_QUIET = 5;
const MOST_ERRORS = 5;
/** Beside the errors there are the head of the table and two rows of it, and theirs with a blank line above. */
const BESIDE_ERRORS = 5;

/** What the screen of `status --watch` shows; no more lines than there are rows, where those are ten or more. */
export function screenLines(tick: WatchTick, { columns, rows }: ScreenSize, style: Style): string[] {
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
  const idle =
    services === 0
      ? [style('yellow', 'No service is running: nothing is delivered until "waybill start".')]
      : [];
  return [title, totalsOf(news), ...idle];
}

function totalsOf(news: readonly ClientNews[]): string {
  const rate = (read: (one: NonNullable<ClientNews['rates']>) => number): string => {
    const known = news.flatMap(({ rates }) => (rates === undefined ? [] : [read(rates)]));
    return shortRate(known.length === 0 ? undefined : known.reduce((sum, one) => sum + one, 0));
  };
  return [
    `${rate((one) => one.acceptedPerSecond)} in/s`,
    `${rate((one) => one.deliveredPerSecond)} out/s`,
    `${rate((one) => one.failedPerSecond)} failed/s`,
    amountsOf(news),
  ].join('  ');
}

function amountsOf(news: readonly ClientNews[]): string {
  const sum = (read: (one: ClientNews) => number): string =>
    shortCount(news.reduce((total, one) => total + read(one), 0));
  const retrying = sum(({ look }) => look.retrying);
  return `backlog ${sum(({ backlog }) => backlog)}  retrying ${retrying}  dead ${sum(({ look }) => look.dead)}`;
}

/** A few quiet clients have rows of their own; the rest, and whatever there is no room for, is told in one line. */
function tableLines(news: readonly ClientNews[], table: ScreenTable, room: number, style: Style): string[] {
  const telling = news.filter((one) => troubleOf(one) > 0);
  const quiet = news.length - telling.length;
  if (news.length <= room && quiet <= MOST_QUIET) {
    return news.map((one) => (troubleOf(one) > 0 ? table.row(one) : style('dim', table.row(one))));
  }
  const fits = telling.length + (quiet > 0 ? 1 : 0) <= room;
  const shown = fits ? telling : telling.slice(0, Math.max(1, room - 1));
  const rest = telling.slice(shown.length);
  const more = [
    ...(rest.length > 0 ? [`${moreClients(rest.length, shown.length)} with ${amountsOf(rest)}`] : []),
    ...(quiet > 0 ? [quietClients(quiet, shown.length, rest.length)] : []),
  ];
  return [...shown.map(table.row), style('dim', more.join('; '))];
}

function moreClients(count: number, shown: number): string {
  return `${shortCount(count)}${shown > 0 ? ' more' : ''} client${count === 1 ? '' : 's'}`;
}

function quietClients(count: number, shown: number, told: number): string {
  const who = told > 0 ? shortCount(count) : moreClients(count, shown);
  return `${who} ${count === 1 ? 'is' : 'are'} quiet`;
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
