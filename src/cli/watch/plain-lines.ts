import { paceValue } from '../../core/endpoint-pace.ts';
import { lastErrorValue } from '../../core/last-error.ts';
import { formatCount, formatTime, shortAge, shortRate, shortSpan } from '../../core/quantity-text.ts';
import { headline, shortPace } from '../pace-text.ts';
import { failureText, oneLine } from '../terminal.ts';
import { type ClientNews, isInTrouble, type WatchTick } from './client-news.ts';

/** The lines of a tick for a stream that cannot be redrawn: what is new since the tick before. */
export function plainLines(tick: WatchTick, before: WatchTick | undefined): string[] {
  const time = formatTime(tick.at);
  if (tick.away !== undefined) return before?.away === undefined ? [`${time}  ${tick.away.reason}`] : [];
  const isBack = (before?.away ?? (tick.partly === undefined ? before?.partly : undefined)) !== undefined;
  const back = isBack ? [`${time}  Redis is back`] : [];
  const partly = tick.partly === undefined || before?.partly !== undefined ? [] : [`${time}  ${tick.partly}`];
  const known = new Map(before?.news.map((one) => [one.client, one]));
  const told = tick.news.filter((one) => hasNews(one, known.get(one.client)));
  const stopped = tick.services === 0 && before?.services !== 0;
  const idle = stopped ? [`${time}  No service is running: nothing is delivered until "waybill start"`] : [];
  const lines = told.map((one) => `${time}  ${one.client}  ${describe(one, tick.at)}`);
  return [
    ...back,
    ...partly,
    ...idle,
    ...headlines(tick, before).map((line) => `${time}  ${line}`),
    ...lines,
  ];
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
  if (before === undefined) return isInTrouble(one) || toDeliver(one) + one.view.dead > 0;
  const { acceptedPerSecond = 0, deliveredPerSecond = 0, failedPerSecond = 0 } = one.rates ?? {};
  if (acceptedPerSecond + deliveredPerSecond + failedPerSecond > 0) return true;
  const figures = (news: ClientNews): string => {
    const { view } = news;
    return [
      toDeliver(news),
      view.retrying,
      view.dead,
      view.broken,
      view.incidents.length,
      view.pausedAt,
      ...states(view),
    ].join(' ');
  };
  return figures(one) !== figures(before);
}

/** Events that are waiting, in flight or retrying: which of these they are changes at once. */
function toDeliver({ view }: ClientNews): number {
  return view.waiting + view.inFlight + view.retrying;
}

function states({ endpoints }: ClientNews['view']): string[] {
  return Object.values(endpoints).map(({ pace }) => pace.state);
}

/** Counts in the order of `waybill status`, then rates, then what is wrong. */
function describe({ view, rates }: ClientNews, now: number): string {
  const { acceptedPerSecond, deliveredPerSecond, failedPerSecond = 0, attemptMs } = rates ?? {};
  const failing = failedPerSecond > 0;
  const counts = [
    `waiting ${formatCount(view.waiting)}${view.oldestMs > 0 ? ` (oldest ${shortAge(view.oldestMs)})` : ''}`,
    `in flight ${formatCount(view.inFlight)}`,
    `retrying ${formatCount(view.retrying)}`,
    `dead ${formatCount(view.dead)}`,
    `delivered ${formatCount(view.delivered)} in all`,
  ];
  const moving = [
    `accepted ${shortRate(acceptedPerSecond)}/s`,
    `delivered ${shortRate(deliveredPerSecond)}/s`,
    ...(failing ? [`failed attempts ${shortRate(failedPerSecond)}/s`] : []),
    ...(attemptMs === undefined ? [] : [`mean attempt ${shortSpan(attemptMs)}`]),
  ];
  const remarks = [
    ...(view.incidents.length === 0 ? [] : [`open incidents ${formatCount(view.incidents.length)}`]),
    ...(view.pausedAt === undefined ? [] : ['paused']),
    ...Object.entries(view.endpoints).flatMap(([type, { pace }]) =>
      pace.state === 'open' ? [] : [`${type} ${shortPace(pace, now)}`],
    ),
    ...(failing ? [`last error ${describeError(view, now)}`] : []),
  ];
  const parts = [counts, rates === undefined ? [] : moving, remarks].filter((part) => part.length > 0);
  return parts.map((part) => part.join(', ')).join('; ');
}

/** `503 (server_error), 3 s ago, 12 delivered since: the beginning of the response`. */
export function describeError({ lastError }: ClientNews['view'], now: number): string {
  if (lastError === undefined) return '';
  const { status, class: failureClass, at, detail, deliveredSince } = lastError;
  const since = `${shortAge(now - at)} ago, ${formatCount(deliveredSince)} delivered since`;
  return oneLine(`${failureText(status, failureClass)}, ${since}${detail === '' ? '' : `: ${detail}`}`);
}

/** A tick as machines read it. Rates are null at the first poll, `attemptMs` if no attempt ended. */
export function tickValue({ at, news, services, away, partly }: WatchTick) {
  const time = new Date(at).toISOString();
  if (away !== undefined) return { at: time, error: { code: 'REDIS_UNAVAILABLE', message: away.reason } };
  const clients = Object.fromEntries(news.map((one) => [one.client, clientValue(one)]));
  if (partly !== undefined) return { at: time, services: services ?? null, clients, unread: partly };
  return { at: time, services: services ?? null, clients };
}

function clientValue({ view, rates }: ClientNews) {
  const { waiting, inFlight, retrying, oldestMs, dead, delivered } = view;
  const { broken, incidents, pausedAt, lastError } = view;
  return {
    acceptedPerSecond: rounded(rates?.acceptedPerSecond),
    deliveredPerSecond: rounded(rates?.deliveredPerSecond),
    failedAttemptsPerSecond: rounded(rates?.failedPerSecond),
    attemptMs: rounded(rates?.attemptMs),
    ...{ waiting, inFlight, retrying, oldestMs, dead, delivered, broken, incidents: incidents.length },
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
