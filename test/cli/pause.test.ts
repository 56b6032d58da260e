import { expect, test } from 'vitest';
import { startOwnRedis } from '../support/own-redis.ts';
import { testRedisPath, uniqueClientName } from '../support/redis.ts';
import { runWaybill, testDirectory, type WaybillOptions } from '../support/waybill-process.ts';

function oneClient(): { name: string; options: WaybillOptions } {
  const name = uniqueClientName();
  const client = { baseUrl: 'http://127.0.0.1:9', endpoints: { inventory_receipt: '/' } };
  const config = { redis: { url: testRedisPath() }, clients: { [name]: client } };
  return { name, options: { directory: testDirectory(), config } };
}

test('pause says what it does and what waits; status and check show it; resume ends it', async () => {
  const { name, options } = oneClient();
  const run = (...args: string[]) => runWaybill(args, options);
  const paused = await run('pause', name);
  expect(paused).toMatchObject({ code: 0, stderr: '' });
  expect(paused.stdout).toBe(
    `${name} is paused: requests under way are finished, everything else waits for "waybill resume ${name}".\n` +
      '0 waiting, 0 in flight, 0 retrying\n',
  );
  expect((await run('pause', name)).stdout).toContain(`${name} was paused already.`);
  expect((await run('status')).stdout).toMatch(/paused since \d{4}-.*"waybill resume/);
  expect((await run('check')).stdout).toMatch(/paused since \d{4}-.*nothing is sent until/);
  const { clients } = JSON.parse((await run('status', '--json')).stdout);
  expect(clients[name].pausedAt).toMatch(/^\d{4}-\d\d-\d\dT/);

  const value = { client: name, paused: false, changed: true, waiting: 0, inFlight: 0, retrying: 0 };
  expect(JSON.parse((await run('resume', name, '--json')).stdout)).toEqual(value);
  expect((await run('resume', name)).stdout).toContain(`${name} was not paused.`);
  expect(JSON.parse((await run('status', '--json')).stdout).clients[name].pausedAt).toBeNull();
});

test.each(['pause', 'resume'])('%s of a client that there is not is a usage error', async (command) => {
  const { options } = oneClient();
  const { code, stderr } = await runWaybill([command, 'nobody'], options);
  expect(code).toBe(2);
  expect(stderr).toContain('client "nobody" is not in');
});

test('a Redis that takes no writes is named, with the exit code for Redis', async () => {
  const { name, options } = oneClient();
  const { socketPath } = await startOwnRedis({ 'min-replicas-to-write': '1' });
  const config = { ...(options.config as object), redis: { url: socketPath } };
  const { code, stderr } = await runWaybill(['pause', name], { ...options, config });
  expect(code).toBe(4);
  expect(stderr).toMatch(/^waybill: Redis refused the write: NOREPLICAS [^\n]*\n$/);
});
