import { setTimeout as pause } from 'node:timers/promises';
import type { NewsSource } from './client-news.ts';
import type { Seen, WatchTick, WatchView } from './watch-tick.ts';

/** What a watch is made of. */
export interface WatchParts {
  /** Never rejects. */
  look(): Promise<Seen>;
  readonly news: NewsSource;
  readonly view: WatchView;
  readonly intervalMs: number;
  /** ms since the epoch */
  wallClock(): number;
  /** ms of a clock that never goes back */
  now(): number;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

/**
 * Looks and shows, once an interval, whether Redis answers or not, until it is ended. A look that takes long puts
 * the next one off.
 */
export async function watchClients(parts: WatchParts): Promise<void> {
  const { look, view, intervalMs, now, signal } = parts;
  const ended = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  let tick: WatchTick | undefined;
  try {
    while (!signal.aborted) {
      const started = now();
      const seen = await Promise.race([look(), ended]);
      if (seen === undefined) return;
      tick = nextTick(seen, tick, parts);
      view.show(tick);
      // However long the look took: a process that hangs behind does not catch up.
      await pause(Math.max(intervalMs / 2, intervalMs - (now() - started)), undefined, { signal }).catch(
        () => {},
      );
    }
  } finally {
    view.end();
  }
}

function nextTick(seen: Seen, before: WatchTick | undefined, parts: WatchParts): WatchTick {
  const at = parts.wallClock();
  if (seen.kind === 'seen')
    return { at, news: parts.news.add(seen.looks, parts.now()), services: seen.services };
  const { reason } = seen;
  const since = before?.away?.since ?? at;
  return { at, news: before?.news ?? [], services: before?.services, away: { since, reason } };
}
