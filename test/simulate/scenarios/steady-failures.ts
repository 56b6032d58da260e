import type { EndpointOptions } from '../endpoint.ts';
import { atLeast, atMost, endpointOf, inMedian, type Scenario } from '../scenario.ts';
import { World, type WorldOptions } from '../world.ts';

/** An endpoint that is never full: what its slots allow is what is delivered. */
const ROOMY: Partial<EndpointOptions> = { atOnce: 64, workMs: 20 };
const EVENTS = 40_000;
/** Three quarters of a minute and more, of which an experiment is a small part. */
const MANY_EVENTS = 80_000;

/** How fast the good events are delivered: per second, until 99 % of them are. */
function goodPerSecond(
  seed: number,
  endpoint: Partial<EndpointOptions>,
  world: Partial<WorldOptions>,
  bad: { share: number; always: number },
  events = EVENTS,
) {
  const run = new World({ seed, ...world, endpoint: endpointOf(seed, { ...ROOMY, ...endpoint }) });
  let good = 0;
  for (let n = 0; n < events; n += 1) {
    const isBad = run.random() < bad.share;
    run.accept(isBad ? { always: bad.always } : {});
    if (!isBad) good += 1;
  }
  run.run(900_000, () => run.counts.delivered >= good * 0.99);
  return { run, perSecond: run.counts.delivered / (run.counts.lastDeliveredAt / 1_000) };
}

const NONE_BAD = { share: 0, always: 500 };

/** A share of all requests fails at any rate, as if one of several backends were dead. */
function steady(
  name: string,
  flaky: NonNullable<EndpointOptions['flaky']>,
  bounds: Scenario['bounds'],
  events = EVENTS,
): Scenario {
  return {
    name,
    bounds,
    run(seed) {
      const world = { timeoutMs: 5_000 };
      const adaptive = goodPerSecond(seed, { flaky }, world, NONE_BAD, events);
      const fixed = goodPerSecond(seed, { flaky }, { ...world, adaptive: false }, NONE_BAD, events);
      return {
        'of fixed': adaptive.perSecond / fixed.perSecond,
        slowed: adaptive.run.counts.timesIn('slowed'),
        down: adaptive.run.counts.timesIn('down'),
      };
    },
  };
}

function poisoned(status: number): Scenario {
  return {
    name: `1 % of the events answered ${status} for ever: never down, never slowed, the others as fast`,
    bounds: [atLeast('of none failing', 0.97), atMost('down', 0), atMost('slowed', 0)],
    run(seed) {
      const some = goodPerSecond(seed, {}, {}, { share: 0.01, always: status });
      const none = goodPerSecond(seed, {}, {}, NONE_BAD);
      return {
        'of none failing': some.perSecond / none.perSecond,
        down: some.run.counts.timesIn('down'),
        slowed: some.run.counts.timesIn('slowed'),
      };
    },
  };
}

const refusals = (share: number) => ({ share, reply: { status: 503 } });

export const STEADY_FAILURES: readonly Scenario[] = [
  steady(
    '20 % answered 503 whatever the rate: delivered/s near that of fixed',
    refusals(0.2),
    [atLeast('of fixed', 0.5, 0.75)],
    MANY_EVENTS,
  ),
  steady(
    '5 % answered 503 whatever the rate: delivered/s near that of fixed',
    refusals(0.05),
    [atLeast('of fixed', 0.85)],
    MANY_EVENTS,
  ),
  steady('1 % hang until the timeout: delivered/s near that of fixed', { share: 0.01, reply: 'hang' }, [
    atLeast('of fixed', 0.75),
  ]),
  poisoned(500),
  poisoned(503),
  {
    name: 'one 503 in 10,000 at 25,000/s: as fast as fixed',
    bounds: [inMedian(atLeast('of fixed', 0.99))],
    run(seed) {
      const endpoint: Partial<EndpointOptions> = { atOnce: 2_000, workMs: 3, netMs: 1 };
      const world = { slots: 128, sendMs: 0.02 };
      const flaky = refusals(1e-4);
      const adaptive = goodPerSecond(seed, { ...endpoint, flaky }, world, NONE_BAD, 100_000);
      const fixed = goodPerSecond(
        seed,
        { ...endpoint, flaky },
        { ...world, adaptive: false },
        NONE_BAD,
        100_000,
      );
      return { 'of fixed': adaptive.perSecond / fixed.perSecond, perSecond: adaptive.perSecond };
    },
  },
];
