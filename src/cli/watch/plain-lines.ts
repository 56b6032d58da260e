import { formatCount, formatTime } from '../terminal.ts';
import type { ClientNews } from './client-news.ts';
import { lastErrorOf } from './screen-table.ts';
import { shortAge, shortRate, shortSpan } from './short-figures.ts';
import { troubleOf } from './trouble.ts';
import type { WatchTick } from './watch-tick.ts';

/**
 * What to print of a tick where nothing can be redrawn: a line for each client that has news since the tick before;
 * one when Redis goes away, and one when it is back. The first tick tells of every client that is not quiet.
 */
export function plainLines(tick: WatchTick, before: WatchTick | undefined): string[] {
  const time = formatTime(tick.at);
  if (tick.away !== undefined) return before?.away === undefined ? [`${time}  ${tick.away.reason}`] : [];
  const back = before?.away === undefined ? [] : [`${time}  Redis is back`];
  const known = new Map(before?.news.map((one) => [one.client, one]));
  const told = tick.news.filter((one) => hasNews(one, known.get(one.client)));
  const stopped = tick.services === 0 && before?.services !== 0;
  const idle = stopped ? [`${time}  No service is running: nothing is delivered until "waybill start"`] : [];
  return [...back, ...idle, ...told.map((one) => `${time}  ${one.client}  ${describe(one, tick.at)}`)];
}

function hasNews(one: ClientNews, before: ClientNews | undefined): boolean {
  if (before === undefined) return troubleOf(one) > 0;
  const { acceptedPerSecond = 0, deliveredPerSecond = 0, failedPerSecond = 0 } = one.rates ?? {};
  if (acceptedPerSecond + deliveredPerSecond + failedPerSecond > 0) return true;
  const figures = ({ backlog, look }: ClientNews): string =>
    [backlog, look.retrying, look.dead, look.broken, look.incidents, look.pausedAt].join(' ');
  return figures(one) !== figures(before);
}

function describe(news: ClientNews, now: number): string {
  const { look, rates, backlog } = news;
  const { acceptedPerSecond, deliveredPerSecond, failedPerSecond = 0, attemptMs } = rates ?? {};
  const failing = failedPerSecond > 0;
  const parts = [
    ...(rates === undefined
      ? []
      : [`in ${shortRate(acceptedPerSecond)}/s`, `out ${shortRate(deliveredPerSecond)}/s`]),
    ...(failing ? [`failed ${shortRate(failedPerSecond)}/s`] : []),
    ...(attemptMs === undefined ? [] : [`mean ${shortSpan(attemptMs)}`]),
    `backlog ${formatCount(backlog)}${look.oldestMs > 0 ? ` (oldest ${shortAge(look.oldestMs)})` : ''}`,
    `retrying ${formatCount(look.retrying)}`,
    `dead ${formatCount(look.dead)}`,
    ...(look.incidents === 0 ? [] : [`incidents ${formatCount(look.incidents)}`]),
    ...(look.pausedAt === undefined ? [] : ['paused']),
    ...(failing ? [`last error ${lastErrorOf(news, now)}`] : []),
  ];
  return parts.join(', ');
}
