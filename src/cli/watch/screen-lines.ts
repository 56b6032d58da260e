import { formatCount, formatTime, shortAge, shortCount, shortRate } from '../../core/quantity-text.ts';
import { headline, shortPace, shortWithheld } from '../pace-text.ts';
import type { Terminal } from '../terminal.ts';
import { type ClientNews, isInTrouble, type Rates, type WatchTick } from './client-news.ts';
import { describeError } from './plain-lines.ts';

type Column = readonly [width: number, head: string, cell: (news: readonly ClientNews[]) => string];

/**
 * The counts of `waybill status`, and rates; a cell tells of one client, or sums up all. A figure has five characters,
 * and a blank before it.
 */
const COLUMNS: readonly Column[] = [
  [8, 'waiting', count(({ view }) => view.waiting)],
  [10, 'in flight', count(({ view }) => view.inFlight)],
  [9, 'retrying', count(({ view }) => view.retrying)],
  [6, 'dead', count(({ view }) => view.dead)],
  [7, 'in all', count(({ view }) => view.delivered)],
  [7, '/s', (news) => (news.every(isPaused) ? 'paused' : rate((rates) => rates.deliveredPerSecond)(news))],
  [9, '/s', rate((rates) => rates.acceptedPerSecond)],
  [9, 'failed/s', rate((rates) => rates.failedPerSecond)],
];
/** Above the heads: what the columns count. */
const GROUPS = '            events now              delivered   accepted attempts';
const FIGURES_WIDTH = COLUMNS.reduce((sum, [width]) => sum + width, 0);
/** On a screen that is drawn anew each second, rates of single seconds only flicker. */
export const SCREEN_WINDOW_MS = 5_000;
const LEAST_NAME = 8;
/** Narrower than this, the last error is left out. */
const LEAST_ERROR = 24;

function count(read: (one: ClientNews) => number): Column[2] {
  return (news) => shortCount(news.reduce((sum, one) => sum + read(one), 0));
}

function rate(read: (rates: Rates) => number): Column[2] {
  return (news) => {
    const known = news.flatMap(({ rates }) => rates ?? []);
    return shortRate(known.length === 0 ? undefined : known.reduce((sum, rates) => sum + read(rates), 0));
  };
}

function isPaused({ view }: ClientNews): boolean {
  return view.pausedAt !== undefined;
}

/**
 * What the screen of `status --watch` shows: what is wrong, then clients in trouble, then the others, each as
 * configured. Endpoints whose events wait have a line each, as far as there is room.
 */
export function screenLines(
  tick: WatchTick,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  style: Terminal['style'],
): string[] {
  const { at, news } = tick;
  const top = headLines(tick, style);
  if (news.length === 0) return [...top, ''];
  const longest = Math.max(LEAST_NAME, ...news.map(({ client }) => client.length));
  const nameWidth = Math.max(LEAST_NAME, Math.min(longest, columns - FIGURES_WIDTH));
  const hasErrors = columns - nameWidth - FIGURES_WIDTH > LEAST_ERROR;
  const line = (name: string, cellOf: (column: Column) => string): string => {
    const cells = COLUMNS.map((column) => cellOf(column).padStart(column[0]));
    return `${name.slice(0, nameWidth).padEnd(nameWidth)}${cells.join('')}`;
  };
  const row = (one: ClientNews): string => {
    const figures = line(one.client, ([, , cell]) => cell([one]));
    if (!isInTrouble(one)) return figures;
    return style('yellow', hasErrors ? `${figures}  ${describeError(one.view, at)}` : figures);
  };
  const ordered = news.toSorted((one, other) => severityOf(other) - severityOf(one));
  // The head has two rows, and the sum has one.
  const room = rows - top.length - 3;
  const details = detailsOf(ordered.filter(isInTrouble), room, at, style);
  const roomForClients = room - [...details.values()].flat().length;
  const shown =
    ordered.length <= roomForClients ? ordered : ordered.slice(0, Math.max(1, roomForClients - 1));
  const head = line('client', (column) => column[1]);
  return [
    ...top,
    style('dim', `${' '.repeat(nameWidth)}${GROUPS}`),
    style('bold', head),
    ...(news.length > 1 ? [line('all', ([, , cell]) => cell(news))] : []),
    ...shown.flatMap((one) => [row(one), ...(details.get(one) ?? [])]),
    ...countRest(ordered.slice(shown.length)),
  ];
}

/** A client with an endpoint that is down comes before any other in trouble. */
function severityOf(one: ClientNews): number {
  const isDown = Object.values(one.view.endpoints).some(({ pace }) => pace.state === 'down');
  return Number(isDown) + Number(isInTrouble(one));
}

/** The lines of endpoints by client, as far as there is room for them beside all clients in trouble. */
function detailsOf(
  troubled: readonly ClientNews[],
  room: number,
  at: number,
  style: Terminal['style'],
): ReadonlyMap<ClientNews, readonly string[]> {
  const details = new Map<ClientNews, readonly string[]>();
  // The last row may have to count the clients without room.
  let left = room - 1 - troubled.length;
  for (const one of troubled) {
    const lines = endpointRows(one, at, style);
    if (lines.length > left) break;
    details.set(one, lines);
    left -= lines.length;
  }
  return details;
}

/** The endpoints of a client whose events wait, a line each. */
function endpointRows({ view }: ClientNews, now: number, style: Terminal['style']): string[] {
  return Object.entries(view.endpoints).flatMap(([type, { pace, withheld }]) => [
    ...(pace.state === 'open' ? [] : [style(COLOURS[pace.state], `  ${type}  ${shortPace(pace, now)}`)]),
    ...(withheld === undefined ? [] : [style('red', `  ${type}  ${shortWithheld(withheld, now)}`)]),
  ]);
}

const COLOURS = { down: 'red', slowed: 'yellow', recovering: 'yellow' } as const;

function countRest(news: readonly ClientNews[]): string[] {
  if (news.length === 0) return [];
  const troubled = news.filter(isInTrouble).length;
  const trouble = troubled > 0 ? `, ${formatCount(troubled)} in trouble` : '';
  return [`(${formatCount(news.length)} more client${news.length === 1 ? '' : 's'}${trouble})`];
}

function headLines({ at, news, services, away, partly }: WatchTick, style: Terminal['style']): string[] {
  const clients = `${formatCount(news.length)} client${news.length === 1 ? '' : 's'}`;
  const about = `${clients}, rates over ${SCREEN_WINDOW_MS / 1_000} s  ${style('dim', 'q ends')}`;
  const title = `${style('bold', 'waybill status')}  ${formatTime(at)}  ${about}`;
  const wrong = headline(news.map(({ view }) => view));
  const top = [title, ...(wrong === '' ? [] : [style(['bold', 'red'], wrong)])];
  if (away !== undefined) {
    const stale = news.length > 0 ? '; the figures are from before' : '';
    return [...top, style('red', away.reason), style('red', `for ${shortAge(at - away.since)}${stale}`)];
  }
  if (partly !== undefined) top.push(style('red', `${partly}: its figures are from before`));
  if (services !== 0) return top;
  return [...top, style('yellow', 'No service is running: nothing is delivered until "waybill start".')];
}
