import type { EndpointOptions } from '../endpoint.ts';
import { atLeast, atMost, endpointOf, type Scenario, sumOf } from '../scenario.ts';
import { DEFAULT_RETRIES, World } from '../world.ts';

/** An event dies within ten seconds. */
const QUICK_RETRIES = { ...DEFAULT_RETRIES, baseDelayMs: 200, factor: 2 };
const HOUR_MS = 3_600_000;

type Outage = NonNullable<EndpointOptions['outage']>;

/** What an endpoint answers between two times. */
function between(from: number, to: number, reply: number | 'hang'): Outage {
  return (now) => (now >= from && now < to ? reply : undefined);
}

/** Refuses for about a minute, under 50 events/s. */
function minute(
  name: string,
  reply: number,
  options: Partial<EndpointOptions> = {},
  processes = 2,
): Scenario {
  return {
    name: `an outage of 60 s (${name}) under 50/s, quick retries: few die, the others follow its return at once`,
    bounds: [
      atMost('dead', 150),
      atMost('last delivered after, s', 30),
      atMost('fresh sent while down, but probes', 0),
    ],
    run(seed) {
      const from = 60_000;
      const to = from + 52_000 + ((seed * 373) % 16_000);
      const endpoint = endpointOf(seed, { ...options, outage: between(from, to, reply) });
      const world = new World({ seed, processes, retry: QUICK_RETRIES, endpoint });
      let lastAt = 0;
      world.onDelivered = (event, now) => {
        if (event.acceptedAt < to) lastAt = now;
      };
      world.feed(50, 0, to + 60_000);
      world.run(to + 120_000);
      const { counts } = world;
      return {
        dead: counts.dead,
        'last delivered after, s': (lastAt - to) / 1_000,
        'fresh sent while down, but probes': counts.freshWhileDown,
        'down after, s': (counts.firstIn('down') - from) / 1_000,
        'recovering after, s': (counts.firstIn('recovering', to) - to) / 1_000,
        'undelivered at the end': world.undelivered,
      };
    },
  };
}

const FOUR_HOURS: Scenario = {
  name: 'an outage of 4 h under 10/s, then 50/s for ten seconds: few die, and the endpoint does not collapse again',
  bounds: [atMost('dead', 200), atMost('collapses', 0)],
  run(seed) {
    const from = 60_000;
    const to = from + 4 * HOUR_MS;
    const capacity = (now: number) => (now >= to && now < to + 10_000 ? 50 / 300 : 1);
    const outage = between(from, to, 0);
    const endpoint = endpointOf(seed, { outage, capacity, collapsesAt: 100 });
    const world = new World({ seed, endpoint });
    world.feed(10, 0, to);
    world.run(to + 4 * HOUR_MS, () => world.undelivered === 0 && world.agenda.now > to);
    const { counts } = world;
    return {
      dead: counts.dead,
      collapses: world.endpoint.collapses,
      'recovering after, s': (counts.firstIn('recovering', to) - to) / 1_000,
      'all delivered after, s': (counts.lastDeliveredAt - to) / 1_000,
    };
  },
};

function hang(processes: number, slots: number): Scenario {
  return {
    name: `an endpoint that hangs for 5 min, ${processes} × ${slots} slots: a quarter of them wait, full rate soon after`,
    // The timeout is 15 s. One process has the fresh probe beside its quarter.
    bounds: [
      atMost('full rate after, s', 12 + 15),
      atMost('most in flight of a process after a minute', slots / 4 + 1),
    ],
    run(seed) {
      const from = 30_000;
      const to = from + 300_000 + ((seed * 77) % 15_000);
      const endpoint = endpointOf(seed, { outage: between(from, to, 'hang') });
      const world = new World({ seed, processes, slots, endpoint });
      let most = 0;
      for (let at = from + 60_000; at < to; at += 500) {
        world.agenda.at(at, () => {
          most = Math.max(most, ...world.processes.map(({ inFlight }) => inFlight));
        });
      }
      world.feed(200, 0, to + 60_000);
      world.run(to + 90_000);
      const full = Math.min(270, processes * slots * 12);
      const second = Math.floor(to / 1_000);
      let after = 0;
      while (after < 90 && (world.counts.deliveredIn[second + after] ?? 0) < full) after += 1;
      return {
        'full rate after, s': after < 90 ? second + after + 1 - to / 1_000 : Number.NaN,
        'most in flight of a process after a minute': most,
        dead: world.counts.dead,
      };
    },
  };
}

const BURSTS: Scenario = {
  name: '503 for 2 s every minute under 200/s: nothing dies',
  bounds: [atMost('dead', 0), atMost('down', 0)],
  run(seed) {
    const outage: Outage = (now) => (now > 5_000 && now % 60_000 < 2_000 ? 503 : undefined);
    const world = new World({ seed, endpoint: endpointOf(seed, { outage }) });
    world.feed(200, 0, 300_000);
    world.run(900_000, () => world.undelivered === 0 && world.agenda.now > 300_000);
    const { counts } = world;
    return { dead: counts.dead, down: counts.timesIn('down'), refused: counts.requests - counts.delivered };
  },
};

const SWINGING: Scenario = {
  name: '20 s up, 20 s down under 50/s for 10 min: one incident',
  // `down` again within ten minutes is the same incident.
  bounds: [atMost('incidents', 1), atLeast('delivered in the ten minutes', 0.4)],
  run(seed) {
    const outage: Outage = (now) => (now < 600_000 && now % 40_000 >= 20_000 ? 0 : undefined);
    const world = new World({ seed, endpoint: endpointOf(seed, { outage }) });
    world.feed(50, 0, 600_000);
    world.run(2 * HOUR_MS, () => world.undelivered === 0 && world.agenda.now > 600_000);
    const { counts } = world;
    const downs = counts.states.filter(({ state }) => state === 'down').map(({ at }) => at);
    const incidents = downs.filter((at, n) => n === 0 || at - (downs[n - 1] ?? 0) > 600_000).length;
    const delivered = sumOf(counts.deliveredIn, 0, 600) / 30_000;
    return { incidents, 'delivered in the ten minutes': delivered, dead: counts.dead, down: downs.length };
  },
};

const SOME_SLOW: Scenario = {
  name: 'every tenth request takes 10 s: as fast as fixed, never slowed',
  bounds: [atLeast('of fixed', 0.97), atMost('slowed', 0)],
  run(seed) {
    const runWith = (adaptive: boolean) => {
      const endpoint = endpointOf(seed, { slow: { every: 10, ms: 10_000 } });
      const world = new World({ seed, adaptive, endpoint });
      for (let n = 0; n < 5_000; n += 1) world.accept();
      return world.run(900_000, () => world.counts.delivered > 4_950).counts;
    };
    const adaptive = runWith(true);
    return {
      'of fixed': runWith(false).lastDeliveredAt / adaptive.lastDeliveredAt,
      slowed: adaptive.timesIn('slowed'),
    };
  },
};

export const OUTAGES: readonly Scenario[] = [
  minute('refused', 0),
  minute('refused, four processes', 0, {}, 4),
  minute('refused, 1,000/s', 0, { atOnce: 40 }),
  minute('503', 503),
  minute('500', 500),
  FOUR_HOURS,
  hang(2, 32),
  hang(4, 32),
  BURSTS,
  SWINGING,
  SOME_SLOW,
];
