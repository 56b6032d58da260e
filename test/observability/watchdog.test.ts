import { expect, test } from 'vitest';
import { createLog } from '../../src/log.ts';
import { createWatchdog } from '../../src/observability/watchdog.ts';
import type { QueueOverview } from '../../src/queue/queue-overview.ts';
import { captureLogLines } from '../support/log-lines.ts';

const QUEUE: QueueOverview = {
  head: 'a ',
  oldestMs: 1,
  held: false,
  paused: false,
  dead: 0,
  incidents: [],
  counters: new Map(),
};

/** What a watchdog of a minute's patience logs about one client whose queue has these states, ten seconds apart. */
function watch(states: readonly Partial<QueueOverview>[]): string[] {
  const lines = captureLogLines();
  const log = createLog({ level: 'info', destination: lines.stream });
  const watchdog = createWatchdog({ log, untakenMs: () => 60_000 });
  for (const [i, state] of states.entries()) {
    watchdog.note(new Map([['acme', { ...QUEUE, ...state }]]), i * 10_000);
  }
  return lines.lines.map(({ level, client }) => `${level} ${client}`);
}

const times = (count: number, state: Partial<QueueOverview> = {}) =>
  Array.from({ length: count }, () => state);

test('work that no worker takes for a minute is said once, and so is its end', () => {
  expect(watch(times(6))).toEqual([]);
  expect(watch(times(20))).toEqual(['warn acme']);
  expect(watch([...times(20), { head: 'b ' }])).toEqual(['warn acme', 'info acme']);
  expect(watch([...times(20), ...times(20, { head: 'b ' })])).toEqual([
    'warn acme',
    'info acme',
    'warn acme',
  ]);
});

test.each([
  ['another batch comes next', { head: 'b ' }],
  ['a process holds one', { held: true }],
  ['the client is paused', { paused: true }],
  ['nothing waits', { head: '' }],
])('a minute begins anew if %s', (_, state) => {
  expect(watch([...times(6), state, ...times(6)])).toEqual([]);
  expect(watch([...times(6), state, ...times(8)])).toEqual(['warn acme']);
});

test('a client that is gone from the configuration is forgotten', () => {
  const log = createLog({ level: 'info', destination: captureLogLines().stream });
  const watchdog = createWatchdog({ log, untakenMs: () => 60_000 });
  watchdog.note(new Map([['acme', QUEUE]]), 0);
  watchdog.note(new Map([['acme', QUEUE]]), 60_000);
  expect([...watchdog.untaken]).toEqual(['acme']);
  watchdog.note(new Map(), 70_000);
  expect([...watchdog.untaken]).toEqual([]);
});
