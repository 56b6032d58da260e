import { atLeast, atMost, endpointOf, type Scenario } from '../scenario.ts';
import { DEFAULT_RETRIES, World, type WorldOptions } from '../world.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

interface Failure {
  readonly name: string;
  readonly reply: number | 'hang';
  readonly retryAfterMs?: number;
  readonly timeoutMs?: number;
}

const FAILURES: readonly Failure[] = [
  { name: '500', reply: 500 },
  { name: '503', reply: 503 },
  { name: '503 with Retry-After: 5', reply: 503, retryAfterMs: 5_000 },
  { name: 'refused', reply: 0 },
  { name: 'no answer within a second', reply: 'hang', timeoutMs: 1_000 },
];

/** An endpoint that has never worked, and never will. */
function broken(
  { name, reply, retryAfterMs, timeoutMs = 15_000 }: Failure,
  events: number,
  withinMs: number,
): Scenario {
  return {
    name: `${events} events at once, always ${name}: all dead letters after six attempts, within ${withinMs / MINUTE_MS} min`,
    bounds: [
      atLeast('dead', events),
      atLeast('fewest attempts', 6),
      atMost('last dead after, s', withinMs / 1_000),
    ],
    run(seed) {
      const options: Partial<WorldOptions> = {
        slots: 16,
        timeoutMs,
        retry: { ...DEFAULT_RETRIES, baseDelayMs: 1_000, factor: 2 },
      };
      const outageRetryAfter = retryAfterMs === undefined ? {} : { outageRetryAfterMs: retryAfterMs };
      const endpoint = endpointOf(seed, { outage: () => reply, ...outageRetryAfter });
      const world = new World({ seed, ...options, endpoint });
      for (let n = 0; n < events; n += 1) world.accept();
      world.run(HOUR_MS, () => world.undelivered === 0);
      const { counts } = world;
      return {
        dead: counts.dead,
        'fewest attempts': counts.fewestAttemptsOfDead,
        'last dead after, s': counts.lastDeadAt / 1_000,
        'down after, s': counts.firstIn('down') / 1_000,
      };
    },
  };
}

const FIVE_EVENTS: Scenario = {
  name: '5 events, always 500, default retries: sent when the contract says, to the second',
  bounds: [atMost('latest attempt, s behind', 1), atLeast('dead', 5)],
  run(seed) {
    const world = new World({ seed, endpoint: endpointOf(seed, { outage: () => 500 }) });
    for (let n = 0; n < 5; n += 1) world.accept();
    world.run(8 * HOUR_MS, () => world.undelivered === 0);
    return { 'latest attempt, s behind': world.counts.latestBehindMs / 1_000, dead: world.counts.dead };
  },
};

/** An endpoint that refuses, at a low rate. */
function lowRate(name: string, everyMs: number, withinMs: number): Scenario {
  return {
    name: `${name} at an endpoint that is down: an incident within ${withinMs / 1_000} s`,
    bounds: [atMost('down after, s', withinMs / 1_000)],
    run(seed) {
      const world = new World({ seed, endpoint: endpointOf(seed, { outage: () => 0 }) });
      const untilMs = withinMs + 2 * everyMs;
      for (let at = 0; at < untilMs; at += everyMs) world.agenda.at(at + 1, () => world.accept());
      world.run(untilMs, () => world.counts.timesIn('down') > 0);
      return { 'down after, s': world.counts.firstIn('down') / 1_000 };
    },
  };
}

export const NOTHING_SUCCEEDS: readonly Scenario[] = [
  ...FAILURES.map((failure) => broken(failure, 200, 5 * MINUTE_MS)),
  ...FAILURES.filter(({ reply }) => reply !== 'hang').map((failure) =>
    broken(failure, 5_000, 10 * MINUTE_MS),
  ),
  FIVE_EVENTS,
  lowRate('1/s', 1_000, 20_000),
  lowRate('1/min', MINUTE_MS, 6 * MINUTE_MS),
  lowRate('1 per 10 min', 10 * MINUTE_MS, 10 * MINUTE_MS + 1_000),
  lowRate('1/h', HOUR_MS, HOUR_MS + 1_000),
];
