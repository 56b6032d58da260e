import { Agenda } from '../agenda.ts';
import { atLeast, atMost, endpointOf, type Scenario } from '../scenario.ts';
import { SimulatedTokens } from '../tokens.ts';
import { World } from '../world.ts';

const HOUR_MS = 3_600_000;

const FOUR_HOURS: Scenario = {
  name: 'a token service down for 4 h, two clients that share it: none dies, both at full rate soon after its return',
  bounds: [
    atMost('dead', 0),
    atLeast('shortest wait of an event that failed, h', 3.25),
    atMost('full rate after, s', 70),
    atMost('token requests in four hours', 250),
  ],
  run(seed) {
    const from = 60_000;
    const to = from + 4 * HOUR_MS + ((seed * 7_919) % 60_000);
    const agenda = new Agenda();
    const tokens = new SimulatedTokens(agenda, (now) => now >= from && now < to);
    const worlds = [seed, seed + 500_009].map(
      (each) => new World({ seed: each, agenda, tokens, endpoint: endpointOf(each) }),
    );
    for (const world of worlds) {
      world.feed(2, 0, to + 60_000);
      world.start();
    }
    let asked = 0;
    agenda.at(to, () => {
      asked = tokens.requests;
    });
    const done = () => agenda.now > to && worlds.every(({ undelivered }) => undelivered === 0);
    while (!done() && agenda.step(to + 8 * HOUR_MS));
    const second = Math.floor(to / 1_000);
    const fullAfter = worlds.map(({ counts }) => {
      const at = counts.deliveredIn.findIndex((count = 0, i) => i >= second && count >= 270);
      return at < 0 ? Number.POSITIVE_INFINITY : at - to / 1_000;
    });
    return {
      dead: worlds.reduce((sum, { counts }) => sum + counts.dead, 0),
      'shortest wait of an event that failed, h':
        Math.min(...worlds.map(({ counts }) => counts.shortestWaitForToken)) / HOUR_MS,
      'full rate after, s': Math.max(...fullAfter),
      'token requests in four hours': asked,
      'undelivered at the end': worlds.reduce((sum, { undelivered }) => sum + undelivered, 0),
    };
  },
};

export const TOKEN_OUTAGES: readonly Scenario[] = [FOUR_HOURS];
