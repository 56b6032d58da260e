import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { expectFullAccount, FAILING } from './account.ts';
import { idleness } from './idleness.ts';
import { outageScene } from './outage.ts';

const RETRY = { baseDelayMs: 200, factor: 1, jitter: 0 };

/** Stops Redis for so many seconds while a service delivers, and holds what comes of it against what was promised. */
export async function expectToOutlastFreeze(seconds: number): Promise<void> {
  const scene = await outageScene({ script: FAILING, client: { retry: RETRY } });
  const { server, company } = scene;
  const service = await scene.startService();
  const load = scene.load();
  await company.waitFor((seen) => seen.tally.received > 500, { timeoutMs: 60_000 });
  server.freeze();
  const thawing = pause(seconds * 1_000).then(() => server.thaw());
  // The first answers are waited for, then it is known.
  expect(await scene.refusedAtOnce()).toMatch(/^Redis cannot be reached: .*(does not answer|Socket timeout)/);
  const idle = await idleness(service, () => thawing);
  expect(idle.share).toBeLessThan(0.2);
  expect(idle.lines).toBeLessThan(15);
  await scene.submitUntilAccepted();
  await load.stop();
  await scene.drained();
  await expectFullAccount(scene, service);
}
