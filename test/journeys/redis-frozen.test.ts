import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { expectFullAccount, FAILING } from '../support/account.ts';
import { idleness } from '../support/idleness.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { outageScene } from '../support/outage.ts';

failOnLeaks();

const RETRY = { baseDelayMs: 200, factor: 1, jitter: 0 };
const SHORT_S = 10;
/** Beyond the lifetime of a lock; a minute is too long for every run: `WAYBILL_LONG_TESTS=1 npm run test:run` */
const LONG_S = 60;
const seconds = process.env['WAYBILL_LONG_TESTS'] === '1' ? [SHORT_S, LONG_S] : [SHORT_S];

test.each(seconds)(
  'Redis is frozen for %i s under load: nothing is lost, counted wrongly or sent again',
  async (frozenSeconds) => {
    const scene = await outageScene({ script: FAILING, client: { retry: RETRY } });
    const { server, company } = scene;
    const service = await scene.startService();
    const load = scene.load();
    await company.waitFor((seen) => seen.tally.received > 500);
    server.freeze();
    const thawing = pause(frozenSeconds * 1_000).then(() => server.thaw());
    // The first answers are waited for, then it is known.
    expect(await scene.refusedAtOnce()).toMatch(
      /^Redis cannot be reached: .*(does not answer|Socket timeout)/,
    );
    const idle = await idleness(service, () => thawing);
    expect(idle.share).toBeLessThan(0.2);
    expect(idle.lines).toBeLessThan(15);
    await scene.submitUntilAccepted();
    await load.stop();
    await scene.drained();
    await expectFullAccount(scene, service);
  },
  (LONG_S + 60) * 1_000,
);
