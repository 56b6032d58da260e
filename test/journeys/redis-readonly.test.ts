import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { expectFullAccount, FAILING } from '../support/account.ts';
import { idleness } from '../support/idleness.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { outageScene } from '../support/outage.ts';
import { hold } from '../support/replies.ts';

failOnLeaks();

const RETRY = { baseDelayMs: 200, factor: 1, jitter: 0 };
const OUTAGE_MS = 2_000;

test.each([
  ['yes', 'READONLY'],
  ['no', 'MASTERDOWN'],
])(
  'a replica that serves stale data: %s, promoted late: it answers %s until then, and is waited for',
  async (serveStale, error) => {
    const scene = await outageScene({
      redis: { 'replica-serve-stale-data': serveStale },
      script: FAILING,
      client: { retry: RETRY },
    });
    const { server, company } = scene;
    const service = await scene.startService();
    const load = scene.load();
    await company.waitFor((seen) => seen.tally.received > 500);
    const admin = server.connect();
    const held = hold(FAILING);
    company.script(held.script);
    await company.waitFor((seen) => seen.tally.inFlight > 0);
    await admin.replicaof('127.0.0.1', 1);
    held.release();
    expect(await scene.refusedAtOnce()).toMatch(`Redis refused the write: ${error} `);
    const sent = await scene.send();
    expect(sent.code).toBe(4);
    expect(sent.stderr).toContain(error);
    const idle = await idleness(service, () => pause(OUTAGE_MS));
    expect(idle.share).toBeLessThan(0.2);
    expect(idle.lines).toBeLessThan(15);

    await admin.replicaof('NO', 'ONE');
    await scene.submitUntilAccepted();
    await load.stop();
    await scene.drained();
    await expectFullAccount(scene, service);
  },
);
