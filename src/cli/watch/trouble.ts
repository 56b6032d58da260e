import type { ClientNews } from './client-news.ts';

/** How much a client wants to be looked at; 0: it is quiet, there is nothing to tell of it. */
export type Trouble = 0 | 1 | 2 | 3 | 4;

const LONG_WAIT_MS = 60_000;

/**
 * Judges a client: 4, events die or an incident is open; 3, attempts fail; 2, events retry, have waited for more than
 * a minute or are broken, or the client is paused; 1, it has dead letters, or something to do; 0, nothing.
 */
export function troubleOf({ look, rates, backlog }: ClientNews): Trouble {
  if ((rates?.diedPerSecond ?? 0) > 0 || look.incidents > 0) return 4;
  if ((rates?.failedPerSecond ?? 0) > 0) return 3;
  const { retrying, oldestMs, broken, pausedAt, dead } = look;
  if (retrying > 0 || oldestMs > LONG_WAIT_MS || broken > 0 || pausedAt !== undefined) return 2;
  const moves = (rates?.acceptedPerSecond ?? 0) + (rates?.deliveredPerSecond ?? 0) > 0;
  return dead > 0 || backlog > 0 || moves ? 1 : 0;
}

/**
 * The most troubled first, the quiet last; among the equally troubled those with ten times as much to do, and then by
 * name, so that rows keep their places while figures change.
 */
export function byTrouble(news: readonly ClientNews[]): ClientNews[] {
  const keyed = news.map((one) => {
    const size = Math.floor(Math.log10(1 + one.backlog + one.look.dead));
    return { one, trouble: troubleOf(one), size };
  });
  keyed.sort((a, b) => b.trouble - a.trouble || b.size - a.size || compareText(a.one.client, b.one.client));
  return keyed.map(({ one }) => one);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
