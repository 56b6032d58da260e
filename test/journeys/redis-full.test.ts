import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { requestsByEvent } from '../support/account.ts';
import { idleness } from '../support/idleness.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { type OutageScene, outageScene } from '../support/outage.ts';

failOnLeaks();

/** Sets the limit to so many times what Redis uses now. */
async function fill({ server }: OutageScene, part: number): Promise<void> {
  const redis = server.connect();
  const [, used = '0'] = /used_memory:(\d+)/.exec(await redis.info('memory')) ?? [];
  await redis.config('SET', 'maxmemory', String(Math.floor(Number(used) * part)));
}

test('a full Redis drains by delivery alone, and then takes events again', async () => {
  const scene = await outageScene({ client: { concurrency: 8, ratePerSecond: 5_000 } });
  const ids = await scene.submit(4_000);
  await fill(scene, 0.9);
  const sent = await scene.send();
  expect(sent.code).toBe(4);
  expect(sent.stderr).toContain('Redis refused the write: OOM command not allowed');
  expect(await scene.submit(50)).toEqual([]);

  const service = await scene.startService();
  await scene.delivered(ids);
  await scene.drained();
  expect(scene.company.tally.received).toBe(4_000);
  expect(await scene.status()).toMatchObject({ accepted: 4_000, delivered: 4_000 });
  await scene.delivered(await scene.submitUntilAccepted());
  expect(service.lines.filter(({ msg }) => msg === 'batch could not be settled')).toEqual([]);
});

test('a full Redis without room for retries is waited for; no attempt is lost or repeated', async () => {
  const failure = { status: 503, body: 'x'.repeat(500) };
  const retry = { baseDelayMs: 100, factor: 1, jitter: 0 };
  const scene = await outageScene({ script: failure, client: { retry, pace: 'fixed' } });
  const { company, server } = scene;
  const ids = await scene.submit(400);
  await fill(scene, 0.5);
  // Its log has every attempt even if the endpoint is found down meanwhile.
  const service = await scene.startService('--log-level', 'debug');
  await company.waitFor(400);
  await service.waitForLine(() => service.lines.filter(({ msg }) => msg === 'attempt').length === 400);

  const idle = await idleness(service, () => pause(2_000));
  expect(idle.share).toBeLessThan(0.2);
  expect(idle.lines).toBeLessThan(10);
  expect(company.tally.received).toBe(400);
  expect(await scene.status()).toMatchObject({ inFlight: 400, retrying: 0 });

  company.script({});
  await server.connect().config('SET', 'maxmemory', '0');
  await scene.delivered(ids);
  await scene.drained();
  const once = [
    { attempt: 1, status: 503 },
    { attempt: 2, status: 200 },
  ];
  expect([...requestsByEvent(company).values()]).toEqual(ids.map(() => once));
  expect(await scene.status()).toMatchObject({ delivered: 400, failedAttempts: { server_error: 400 } });
});

test('retries and dead letters of a backlog are written a tenth beyond the limit', async () => {
  const failure = { status: 503, body: 'x'.repeat(500) };
  const retry = { retries: 1, baseDelayMs: 20, factor: 1, jitter: 0 };
  const scene = await outageScene({ script: failure, client: { retry, pace: 'fixed' } });
  const { company } = scene;
  await scene.submit(100);
  // A tenth of what there is besides has to hold what Redis needs for connections too.
  await scene.server.connect().setrange('ballast', 20_000_000, 'x');
  await fill(scene, 0.99);
  expect(await scene.submit(1)).toEqual([]);
  await scene.startService();
  await company.waitFor(200);
  await scene.drained();
  expect(await scene.status()).toMatchObject({ dead: 100, failedAttempts: { server_error: 200 } });
});
