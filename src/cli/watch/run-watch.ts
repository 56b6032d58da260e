import { stopSignal } from '../../service/lifecycle.ts';
import type { Operator } from '../open-operator.ts';
import { formatCount, type Terminal } from '../terminal.ts';
import { inWords } from '../time-in-words.ts';
import { createNewsSource } from './client-news.ts';
import { onEndingKey } from './keys.ts';
import { openLook } from './open-look.ts';
import { watchClients } from './watch-clients.ts';
import { openWatchView } from './watch-views.ts';

/** On a screen that is drawn anew each second, rates of single seconds only flicker. */
const SCREEN_WINDOW_MS = 5_000;

/** Shows where these clients' events are, again and again, until a key, a signal or a lost output ends it. */
export async function runWatch(
  terminal: Terminal,
  { redis }: Operator,
  clients: readonly string[],
  intervalMs: number,
): Promise<void> {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  void stopSignal().then(end);
  const view = openWatchView(terminal);
  if (!view.live) tellWhatComes(terminal, clients.length, intervalMs);
  const releaseKeys = view.live ? onEndingKey(process.stdin, end) : () => {};
  const now = (): number => performance.now();
  try {
    await watchClients({
      look: openLook(redis, clients, now),
      news: createNewsSource(view.live ? SCREEN_WINDOW_MS : 0),
      view,
      intervalMs,
      wallClock: Date.now,
      now,
      signal: ending.signal,
    });
  } finally {
    releaseKeys();
  }
}

function tellWhatComes(terminal: Terminal, clients: number, intervalMs: number): void {
  const which = clients === 1 ? 'one client' : `${formatCount(clients)} clients`;
  const each = intervalMs >= 2_000 ? inWords(intervalMs) : `${intervalMs / 1_000} s`;
  terminal.line(`Watching ${which}: a line for each with news, every ${each}. Ctrl-C ends it.`);
}
