import { paceValue } from '../../core/endpoint-pace.ts';
import { lastErrorValue } from '../../core/last-error.ts';
import { formatCount, formatTime, shortAge, shortRate, shortSpan } from '../../core/quantity-text.ts';
import { headline, shortPace } from '../pace-text.ts';
import { oneLine } from '../terminal.ts';
import { type ClientNews, isInTrouble, type WatchTick } from './client-news.ts';

/** The lines of a tick for a stream that cannot be redrawn: what is new since the tick before. */
export function plainLines(tick: WatchTick, before: WatchTick | undefined): string[] {
  const time = formatTime(tick.at);
  if (tick.away !== undefined) return before?.away === undefined ? [`${time}  ${tick.away.reason}`] : [];
  const back = before?.away === undefined ? [] : [`${time}  Redis is back`];
  const known = new Map(before?.news.map((one) => [one.client, one]));
  const told = tick.news.filter((one) => hasNews(one, known.get(one.client)));
  const stopped = tick.services === 0 && before?.services !== 0;
  const idle = stopped ? [`${time}  No service is running: nothing is delivered until "waybill start"`] : [];
  const lines = told.map((one) => `${time}  ${one.client}  ${describe(one, tick.at)}`);
  return [...back, ...idle, ...headlines(tick, before).map((line) => `${time}  ${line}`), ...lines];
}

/** What is wrong with all endpoints together, when that has changed: not with each event that waits. */
function headlines({ news }: WatchTick, before: WatchTick | undefined): string[] {
  const wrong = headline(viewsOf(news));
  const [what] = wrong.split(';');
  const [whatBefore = ''] = headline(viewsOf(before?.news ?? [])).split(';');
  if (what === whatBefore) return [];
  return [wrong === '' ? 'nothing is wrong with any endpoint now' : wrong];
}

function viewsOf(news: readonly ClientNews[]): ClientNews['view'][] {
  return news.map(({ view }) => view);
}

function hasNews(one: ClientNews, before: ClientNews | undefined): boolean {
  if (before === undefined) return isInTrouble(one) || one.backlog + one.view.dead > 0;
  const { acceptedPerSecond = 0, deliveredPerSecond = 0, failedPerSecond = 0 } = one.rates ?? {};
  if (acceptedPerSecond + deliveredPerSecond + failedPerSecond > 0) return true;
  const figures = ({ backlog, view }: ClientNews): string =>
    [
      backlog,
      view.retrying,
      view.dead,
      view.broken,
      view.incidents.length,
      view.pausedAt,
      ...states(view),
    ].join(' ');
  return figures(one) !== figures(before);
}

function states({ endpoints }: ClientNews['view']): string[] {
  return Object.values(endpoints).map(({ pace }) => pace.state);
}

function describe({ view, rates, backlog }: ClientNews, now: number): string {
  const { acceptedPerSecond, deliveredPerSecond, failedPerSecond = 0, attemptMs } = rates ?? {};
  const failing = failedPerSecond > 0;
  const moving = [`in ${shortRate(acceptedPerSecond)}/s`, `out ${shortRate(deliveredPerSecond)}/s`];
  const parts = [
    ...(rates === undefined ? [] : moving),
    ...(failing ? [`failed ${shortRate(failedPerSecond)}/s`] : []),
    ...(attemptMs === undefined ? [] : [`mean ${shortSpan(attemptMs)}`]),
    `backlog ${formatCount(backlog)}${view.oldestMs > 0 ? ` (oldest ${shortAge(view.oldestMs)})` : ''}`,
    `retrying ${formatCount(view.retrying)}`,
    `dead ${formatCount(view.dead)}`,
    ...(view.incidents.length === 0 ? [] : [`incidents ${formatCount(view.incidents.length)}`]),
    ...(view.pausedAt === undefined ? [] : ['paused']),
    ...Object.entries(view.endpoints).flatMap(([type, { pace }]) =>
      pace.state === 'open' ? [] : [`${type} ${shortPace(pace, now)}`],
    ),
    ...(failing ? [`last error ${describeError(view, now)}`] : []),
  ];
  return parts.join(', ');
}

/** `503 server_error, 3 s ago: the beginning of the response`. */
export function describeError({ lastError }: ClientNews['view'], now: number): string {
  if (lastError === undefined) return '';
  const { status, class: failureClass, at, detail } = lastError;
  const what = status === 0 ? failureClass : `${status} ${failureClass}`;
  return oneLine(`${what}, ${shortAge(now - at)} ago${detail === '' ? '' : `: ${detail}`}`);
}

/** A tick as machines read it. Rates are null at the first poll, `attemptMs` if no attempt ended. */
export function tickValue({ at, news, services, away }: WatchTick) {
  const time = new Date(at).toISOString();
  if (away !== undefined) return { at: time, error: { code: 'REDIS_UNAVAILABLE', message: away.reason } };
  const clients = Object.fromEntries(news.map((one) => [one.client, clientValue(one)]));
  return { at: time, services: services ?? null, clients };
}

function clientValue({ view, rates, backlog }: ClientNews) {
  const { waiting, inFlight, retrying, oldestMs, dead, broken, incidents, pausedAt, lastError } = view;
  return {
    acceptedPerSecond: rounded(rates?.acceptedPerSecond),
    deliveredPerSecond: rounded(rates?.deliveredPerSecond),
    failedPerSecond: rounded(rates?.failedPerSecond),
    attemptMs: rounded(rates?.attemptMs),
    ...{ backlog, waiting, inFlight, retrying, oldestMs, dead, broken, incidents: incidents.length },
    pausedAt: pausedAt === undefined ? null : new Date(pausedAt).toISOString(),
    endpoints: Object.fromEntries(
      Object.entries(view.endpoints).map(([type, { pace }]) => [type, { pace: paceValue(pace) }]),
    ),
    ...(lastError === undefined ? {} : { lastError: lastErrorValue(lastError) }),
  };
}

function rounded(figure: number | undefined): number | null {
  return figure === undefined ? null : Math.round(figure * 1_000) / 1_000;
}
