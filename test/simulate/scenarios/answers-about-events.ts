import { atLeast, atMost, endpointOf, type Scenario, sumOf } from '../scenario.ts';
import { World } from '../world.ts';

/** `Retry-After: 30` on one event, or on a share of them. */
function retryAfterOnSome(name: string, isNamed: (n: number, random: () => number) => boolean): Scenario {
  const events = 5_000;
  return {
    name: `Retry-After: 30 on ${name}: those wait, nothing else does`,
    bounds: [atLeast('of the throughput', 0.97), atMost('holds', 0), atMost('slowed', 0)],
    run(seed) {
      const runWith = (some: boolean) => {
        const world = new World({ seed, slots: 24, endpoint: endpointOf(seed) });
        for (let n = 0; n < events; n += 1) {
          const named = isNamed(n, world.random);
          world.accept(some && named ? { retryAfterMs: 30_000 } : {});
        }
        // Until the others are delivered.
        const waits = some ? 100 : 0;
        world.run(300_000, () => world.counts.delivered >= events - waits);
        return world;
      };
      const some = runWith(true);
      const none = runWith(false);
      const perSecond = ({ counts }: World) => counts.delivered / counts.lastDeliveredAt;
      return {
        'of the throughput': perSecond(some) / perSecond(none),
        holds: some.store.verdict.holdUntil > 0 ? 1 : 0,
        slowed: some.counts.timesIn('slowed'),
      };
    },
  };
}

const RETRY_AFTER_ON_ALL: Scenario = {
  name: 'Retry-After: 30 on every answer from a moment on: nothing is sent for 30 s but what was in flight',
  bounds: [atMost('sent during the hold', 0), atMost('asked before it is down', 3)],
  run(seed) {
    const from = 20_000;
    const outage = (now: number) => (now >= from ? 429 : undefined);
    const endpoint = endpointOf(seed, { outage, outageRetryAfterMs: 30_000 });
    const world = new World({ seed, endpoint });
    world.feed(100, 0, 60_000);
    let heldAt = Number.NaN;
    let sentWhenHeld = 0;
    let sentBefore = Number.NaN;
    for (let at = from; at < from + 5_000; at += 1) {
      world.agenda.at(at, () => {
        if (world.store.verdict.holdUntil === 0 || !Number.isNaN(heldAt)) return;
        heldAt = at;
        world.agenda.at(at + 5, () => {
          sentWhenHeld = world.counts.requests;
        });
        world.agenda.at(world.store.verdict.holdUntil - 1, () => {
          sentBefore = world.counts.requests - sentWhenHeld;
        });
      });
    }
    world.run(from + 95_000, () => world.counts.timesIn('down') > 0);
    return {
      'sent during the hold': sentBefore,
      'held after, s': (heldAt - from) / 1_000,
      'asked before it is down': sumOf(world.counts.requestsIn, Math.ceil(heldAt / 1_000) + 1, 115),
    };
  },
};

const RETRY_AFTER_SLOWLY: Scenario = {
  name: 'Retry-After: 30 on every answer, at 1/s: held after three more',
  bounds: [atMost('sent before the hold', 4)],
  run(seed) {
    const from = 20_500;
    const outage = (now: number) => (now >= from ? 503 : undefined);
    const world = new World({ seed, endpoint: endpointOf(seed, { outage, outageRetryAfterMs: 30_000 }) });
    for (let n = 0; n < 60; n += 1) world.agenda.at(n * 1_000 + 1, () => world.accept());
    world.run(from + 25_000);
    return { 'sent before the hold': sumOf(world.counts.requestsIn, 21, 45) };
  },
};

/** Events that get 422 stand before good ones. */
function badEvents(events: number, goodEvery: number): Scenario {
  return {
    name: `a run of ${events} events that get 422: never down nor slowed, each good one within a second of its turn`,
    bounds: [atMost('longest wait, s', 1), atMost('down', 0), atMost('slowed', 0)],
    run(seed) {
      const world = new World({ seed, endpoint: endpointOf(seed) });
      let longest = 0;
      world.onDelivered = (event, now) => {
        longest = Math.max(longest, now - event.acceptedAt);
      };
      world.feed(50, 0, (events / 50) * 1_000 + 20_000, (n) =>
        n >= 250 && n < 250 + events && n % goodEvery !== 0 ? { always: 422 } : {},
      );
      world.run((events / 50) * 1_000 + 40_000);
      const { counts } = world;
      return {
        'longest wait, s': longest / 1_000,
        down: counts.timesIn('down'),
        slowed: counts.timesIn('slowed'),
        delivered: counts.delivered,
      };
    },
  };
}

export const ANSWERS_ABOUT_EVENTS: readonly Scenario[] = [
  retryAfterOnSome('one event of 5,000', (n) => n === 1_000),
  retryAfterOnSome('1 % of the events', (_, random) => random() < 0.01),
  RETRY_AFTER_ON_ALL,
  RETRY_AFTER_SLOWLY,
  badEvents(500, Number.POSITIVE_INFINITY),
  badEvents(10_000, 20),
];
