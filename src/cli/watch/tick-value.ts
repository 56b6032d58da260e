import { lastErrorValue } from '../../queue/client-status.ts';
import type { ClientNews } from './client-news.ts';
import type { WatchTick } from './watch-tick.ts';

/** A tick as machines read it; rates are null where there was no look before, `attemptMs` where no attempt ended. */
export function tickValue({ at, news, services, away }: WatchTick) {
  const time = new Date(at).toISOString();
  if (away !== undefined) return { at: time, error: { code: 'REDIS_UNAVAILABLE', message: away.reason } };
  const clients = Object.fromEntries(news.map((one) => [one.client, clientValue(one)]));
  return { at: time, services: services ?? null, clients };
}

function clientValue({ look, rates, backlog }: ClientNews) {
  const { waiting, inFlight, retrying, oldestMs, dead, broken, incidents, pausedAt, lastError } = look;
  return {
    acceptedPerSecond: rounded(rates?.acceptedPerSecond),
    deliveredPerSecond: rounded(rates?.deliveredPerSecond),
    failedPerSecond: rounded(rates?.failedPerSecond),
    attemptMs: rounded(rates?.attemptMs),
    ...{ backlog, waiting, inFlight, retrying, oldestMs, dead, broken, incidents },
    pausedAt: pausedAt === undefined ? null : new Date(pausedAt).toISOString(),
    ...(lastError === undefined ? {} : { lastError: lastErrorValue(lastError) }),
  };
}

function rounded(figure: number | undefined): number | null {
  return figure === undefined ? null : Math.round(figure * 1_000) / 1_000;
}
