import type { EndpointOptions } from '../endpoint.ts';
import { atLeast, atMost, deliveredPerSecondFrom, endpointOf, type Scenario, sumOf } from '../scenario.ts';
import { World, type WorldOptions } from '../world.ts';

const CAPACITY = 300;

function backlog(
  name: string,
  world: Partial<WorldOptions>,
  endpoint: Partial<EndpointOptions> = {},
  events = 30_000,
): Scenario {
  return {
    name: `a backlog for 300/s, ${name}: little is refused, little capacity is left`,
    bounds: [
      atMost('requests per delivery', 1.1, 1.03),
      atLeast('share of the capacity', 0.85, 0.95),
      atMost('dead', 0),
    ],
    run(seed) {
      const run = new World({ seed, ...world, endpoint: endpointOf(seed, endpoint) });
      for (let n = 0; n < events; n += 1) run.accept();
      run.run(900_000, () => run.undelivered === 0);
      const { counts } = run;
      return {
        'requests per delivery': counts.requests / counts.delivered,
        'share of the capacity': deliveredPerSecondFrom(run, 10, events) / CAPACITY,
        dead: counts.dead + run.undelivered,
        'changes of state': counts.states.length - 1,
      };
    },
  };
}

/** What the processes send beside each other: 32 slots in each of four, or 128 in one. */
const FOUR = { processes: 4 };
const ONE = { processes: 1, slots: 128 };

function change(
  name: string,
  multiple: number,
  tolerance: number,
  endpoint: Partial<EndpointOptions>,
): Scenario {
  const changesAt = 60_000;
  return {
    name: `capacity that ${name}: delivered/s within ${tolerance * 100} % of it from second 20 on`,
    bounds: [atMost('off the capacity', tolerance)],
    run(seed) {
      const capacity = (now: number) => (now >= changesAt ? multiple : 1);
      const run = new World({ seed, ...FOUR, endpoint: endpointOf(seed, { ...endpoint, capacity }) });
      for (let n = 0; n < 60_000; n += 1) run.accept();
      run.run(100_000);
      const second = changesAt / 1_000 + 20;
      const delivered = sumOf(run.counts.deliveredIn, second, second + 20) / 20;
      return { 'off the capacity': Math.abs(delivered / (CAPACITY * multiple) - 1), delivered };
    },
  };
}

const LIMITER = { limit: { perSecond: CAPACITY, burst: 30 }, beyond: 429 };

export const OVERLOAD: readonly Scenario[] = [
  backlog('503 beyond, 128 slots in one process', ONE),
  backlog('503 beyond, four processes', FOUR),
  backlog('429 beyond, four processes', FOUR, { beyond: 429 }),
  backlog('500 beyond, four processes', FOUR, { beyond: 500 }),
  backlog('a strict limiter, four processes', FOUR, LIMITER),
  backlog('a strict limiter with Retry-After: 2', FOUR, { ...LIMITER, retryAfterMs: 2_000 }),
  backlog('503 beyond, news a second late', { ...FOUR, toldAfterMs: 1_000, newsLate: true }),
  backlog(
    'queues 2,000, timeout 1 s',
    { processes: 4, slots: 128, timeoutMs: 1_000 },
    { queue: 2_000, beyond: 'hang' },
  ),
  change('doubles', 2, 0.15, {}),
  change('halves', 0.5, 0.15, {}),
  change('falls to a tenth', 0.1, 0.2, {}),
];
