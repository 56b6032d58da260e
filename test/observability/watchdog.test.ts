import { expect, test } from 'vitest';
import { createLog } from '../../src/log.ts';
import { Watchdog } from '../../src/observability/watchdog.ts';
import type { ClientView, EndpointView } from '../../src/queue/client-view.ts';
import type { WithheldMark } from '../../src/queue/withheld-mark.ts';
import { captureLogLines } from '../support/log-lines.ts';

const WAITING = { head: 'a ', held: false, paused: false, isConfigured: true };

/** A client with one endpoint in this state, and with another one at which nothing waits. */
function clientWith(state: Partial<EndpointView> = {}): ReadonlyMap<string, ClientView> {
  const endpoints = {
    disposition_update: { ...WAITING, ...state },
    inventory_receipt: { ...WAITING, head: '' },
  };
  return new Map([['acme', { endpoints } as unknown as ClientView]]);
}

/** What a watchdog of a minute's patience logs about one client with an endpoint in these states, ten seconds apart. */
function watch(states: readonly Partial<EndpointView>[]): string[] {
  const lines = captureLogLines();
  const log = createLog({ level: 'info', destination: lines.stream });
  const watchdog = new Watchdog(log, () => 60_000);
  for (const [i, state] of states.entries()) {
    watchdog.note(clientWith(state), i * 10_000);
  }
  return lines.lines.map(({ level, client }) => `${level} ${client}`);
}

const times = (count: number, state: Partial<EndpointView> = {}) =>
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
  ['the endpoint is paused', { paused: true }],
  ['its events wait for a token', { withheld: { for: 'token' } as WithheldMark }],
  ['its events wait for the proxy', { withheld: { for: 'proxy' } as WithheldMark }],
  ['the configuration has no endpoint for the type', { isConfigured: false }],
  ['nothing waits', { head: '' }],
])('a minute begins anew if %s', (_, state) => {
  expect(watch([...times(6), state, ...times(6)])).toEqual([]);
  expect(watch([...times(6), state, ...times(8)])).toEqual(['warn acme']);
});

test('a client that is gone from the configuration is forgotten', () => {
  const log = createLog({ level: 'info', destination: captureLogLines().stream });
  const watchdog = new Watchdog(log, () => 60_000);
  watchdog.note(clientWith(), 0);
  watchdog.note(clientWith(), 60_000);
  expect([...watchdog.untaken]).toEqual(['acme']);
  watchdog.note(new Map(), 70_000);
  expect([...watchdog.untaken]).toEqual([]);
});
