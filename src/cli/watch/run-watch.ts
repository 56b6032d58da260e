import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { ReadStream } from 'node:tty';
import { ReplyError } from 'ioredis';
import { formatCount, inWords } from '../../core/quantity-text.ts';
import { atMost } from '../../core/time.ts';
import { type ClientView, readViewsInReach, type ViewedClient } from '../../queue/client-view.ts';
import { isConnected, unavailable } from '../../queue/connections.ts';
import { unreadText } from '../../queue/read-of-each.ts';
import type { Connection } from '../../queue/servers.ts';
import { countServices } from '../../queue/stored-clients.ts';
import { reasonOf } from '../../queue/until-writable.ts';
import { stopSignal } from '../../service/lifecycle.ts';
import { canRedraw, createLiveScreen } from '../live-screen.ts';
import type { Operator } from '../open-operator.ts';
import type { Terminal } from '../terminal.ts';
import { NewsSource, type WatchTick } from './client-news.ts';
import { plainLines, tickValue } from './plain-lines.ts';
import { SCREEN_WINDOW_MS, screenLines } from './screen-lines.ts';

/** Shows where these clients' events are, once an interval, until a key, a signal or a lost output ends it. */
export async function runWatch(
  terminal: Terminal,
  { redis }: Operator,
  clients: readonly ViewedClient[],
  intervalMs: number,
): Promise<void> {
  const ending = new AbortController();
  const { signal } = ending;
  const end = (): void => ending.abort();
  const ended = once(signal, 'abort').then(() => undefined);
  void stopSignal().then(end);
  const isLive = !terminal.json && canRedraw(process.stdout);
  const view = isLive ? openScreen(terminal, end) : openLines(terminal, clients.length, intervalMs);
  const poll = createPoll(redis, clients, new NewsSource(isLive ? SCREEN_WINDOW_MS : 0));
  let tick: WatchTick | undefined;
  try {
    while (!signal.aborted) {
      const started = performance.now();
      const next = await Promise.race([poll(tick), ended]);
      if (next === undefined) return;
      view.show(next, tick);
      tick = next;
      // A slow poll puts the next one off: a process that lags does not catch up.
      const pauseMs = Math.max(intervalMs / 2, intervalMs - (performance.now() - started));
      await pause(pauseMs, undefined, { signal }).catch(() => {});
    }
  } finally {
    view.end();
  }
}

/** Values with `--json`, otherwise lines, if there is no terminal to draw on. */
function openLines(terminal: Terminal, clients: number, intervalMs: number) {
  const which = clients === 1 ? 'one client' : `${formatCount(clients)} clients`;
  const each = intervalMs >= 2_000 ? inWords(intervalMs) : `${intervalMs / 1_000} s`;
  terminal.line(`Watching ${which}: a line for each with news, every ${each}. Ctrl-C ends it.`);
  terminal.line(`Counts are events now, rates are of the last ${each}.`);
  return {
    show(tick: WatchTick, before: WatchTick | undefined): void {
      terminal.value(tickValue(tick));
      for (const line of plainLines(tick, before)) terminal.line(line);
    },
    end(): void {},
  };
}

/** A screen that is drawn again and again. @param onEndingKey called when a key is pressed that ends it */
function openScreen(terminal: Terminal, onEndingKey: () => void) {
  let latest: WatchTick | undefined;
  const draw = (): void => {
    if (latest !== undefined) screen.draw(screenLines(latest, screen.size(), terminal.style));
  };
  const screen = createLiveScreen(process.stdout, draw);
  const releaseKeys = listenForEndingKey(process.stdin, onEndingKey);
  return {
    show(tick: WatchTick): void {
      latest = tick;
      draw();
    },
    end(): void {
      screen.end();
      releaseKeys();
    },
  };
}

/** Ctrl-C and Ctrl-D: while keys are read one by one, the terminal makes no signals of them. */
const ENDING_KEYS = ['q', 'Q', '\u0003', '\u0004'];

/** Calls back when an ending key is pressed, if the input is a terminal. @returns gives the keyboard back */
function listenForEndingKey(input: ReadStream, end: () => void): () => void {
  if (input.isTTY !== true) return () => {};
  const onData = (keys: Buffer): void => {
    if (ENDING_KEYS.some((key) => keys.includes(key))) end();
  };
  input.setRawMode(true);
  input.on('data', onData);
  return () => {
    input.off('data', onData);
    input.setRawMode(false);
    // A stream that is not paused keeps the process running.
    input.pause();
  };
}

/** Redis lists all its connections for it: too much for every poll. */
const COUNT_SERVICES_EVERY_MS = 5_000;
/** How long Redis may be silent before that is told. */
const SILENT_MS = 2_000;
/** The wait for a silent server of a Cluster; less than SILENT_MS. */
const SERVER_MS = 1_500;
const SILENT = 'Redis cannot be reached: it does not answer';

/** Makes a poll of these clients: one round trip, never rejects, and is not repeated while it is unanswered. */
function createPoll(redis: Connection, clients: readonly ViewedClient[], source: NewsSource) {
  let underWay: ReturnType<typeof read> | undefined;
  let services: number | undefined;
  let countedAt = Number.NEGATIVE_INFINITY;
  let views: ReadonlyMap<string, ClientView> = new Map();

  async function readNews(): Promise<Found> {
    const counts = performance.now() - countedAt >= COUNT_SERVICES_EVERY_MS;
    const counting = counts ? countServices(redis) : services;
    const { found, unread } = await readViewsInReach(redis, clients, SERVER_MS);
    // Clients that could not be read stay as they were.
    const inOrder = clients.flatMap(({ name }) => {
      const view = found.get(name) ?? views.get(name);
      return view === undefined ? [] : [[name, view] as const];
    });
    views = new Map(inOrder);
    services = await counting;
    if (counts) countedAt = performance.now();
    const news = source.add(views, performance.now());
    return { news, services, ...(unread.length > 0 && { partly: unreadText(unread) }) };
  }

  async function read(): Promise<Found> {
    if (!isConnected(redis)) return { reason: unavailable(redis).message };
    try {
      return await readNews();
    } catch (error) {
      if (error instanceof ReplyError) return { reason: `Redis answers ${reasonOf(error as Error)}` };
      return { reason: isConnected(redis) ? SILENT : unavailable(redis).message };
    }
  }

  return async (before: WatchTick | undefined): Promise<WatchTick> => {
    underWay ??= read().finally(() => {
      underWay = undefined;
    });
    const found = (await atMost(SILENT_MS, underWay)) ?? ({ reason: SILENT } as Found);
    const at = Date.now();
    const { news = before?.news ?? [], services: known = before?.services, partly, reason } = found;
    const tick = { at, news, services: known, ...(partly !== undefined && { partly }) };
    return reason === undefined ? tick : { ...tick, away: { since: before?.away?.since ?? at, reason } };
  };
}

/** What a poll found: news, or why there are none. */
interface Found extends Partial<Pick<WatchTick, 'news' | 'services' | 'partly'>> {
  readonly reason?: string;
}
