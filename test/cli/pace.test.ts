import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import { OPEN_VERDICT, type Verdict } from '../../src/core/pace.ts';
import { admit } from '../../src/queue/admit.ts';
import { writeVerdict } from '../../src/queue/pace-store.ts';
import { testRedis, testRedisPath, uniqueClientName } from '../support/redis.ts';
import { runWaybill, testDirectory } from '../support/waybill-process.ts';

const TYPE = 'disposition_update';

/** A client with two endpoints, one of which has five events and this verdict. */
async function judged(verdict: Partial<Verdict>) {
  const name = uniqueClientName();
  const client = { baseUrl: 'http://127.0.0.1:9', endpoints: { [TYPE]: '/d', inventory_receipt: '/i' } };
  const options = {
    directory: testDirectory(),
    config: { redis: { url: testRedisPath() }, clients: { [name]: client } },
  };
  const redis = testRedis();
  const endpoint = { client: name, type: TYPE };
  const events = Array.from({ length: 5 }, () => ({ id: uuidv7(), type: TYPE, unit: 'u', body: '{}' }));
  await admit(redis, endpoint, [{ id: uuidv7(), events }], Date.now());
  await writeVerdict(redis, endpoint, {
    ...OPEN_VERDICT,
    number: 1,
    since: Date.now() - 720_500,
    ...verdict,
  });
  return { name, run: (...args: string[]) => runWaybill(args, options) };
}

test('pace and status show an endpoint that is down; --open tries it again, and says what it did', async () => {
  const { name, run } = await judged({ state: 'down', usualRate: 400 });
  const shown = await run('pace', name);
  expect(shown).toMatchObject({ code: 0, stderr: '' });
  const told = new RegExp(`^${name} ${TYPE}: down since 20.*Z \\(12 min\\)\\n {2}next try in \\d+ s`, 'm');
  expect(shown.stdout).toMatch(told);
  expect(shown.stdout).toMatch(/^ {2}5 events wait, the oldest until 20.*Z at most$/m);
  expect(shown.stdout).toMatch(new RegExp(`^${name} inventory_receipt: open$`, 'm'));
  expect((await run('status', name)).stdout).toMatch(told);
  const status = JSON.parse((await run('status', name, '--json')).stdout);
  const value = JSON.parse((await run('pace', name, TYPE, '--json')).stdout);
  expect(value.client).toBe(name);
  expect(value.endpoints).toEqual({
    [TYPE]: { pace: { ...value.endpoints[TYPE].pace, paced: 5, state: 'down' } },
  });
  expect(status.clients[name].endpoints[TYPE].pace).toMatchObject({
    state: 'down',
    paced: 5,
    ratePerSecond: null,
  });

  const opened = await run('pace', name, TYPE, '--open');
  expect(opened.code).toBe(0);
  expect(opened.stdout).toContain(`${name} ${TYPE} was down: it is tried again now, slowly at first.\n`);
  expect(opened.stdout).toContain('  at most 4.0/s over all processes, and rising\n');
  await run('pause', name);
  const further = JSON.parse((await run('pace', name, TYPE, '--open', '--json')).stdout);
  expect(further).toMatchObject({
    changed: true,
    before: 'recovering',
    after: 'open',
    pace: { state: 'open' },
  });
  const last = await run('pace', name, TYPE, '--open');
  const paused = `${name} is paused: nothing is sent until "waybill resume ${name}".\n`;
  expect([last.code, last.stdout]).toEqual([
    0,
    expect.stringContaining(`${TYPE} is open already.\n${paused}`),
  ]);
});

test('status tells of a hold that Retry-After began', async () => {
  const { name, run } = await judged({ state: 'slowed', rate: 1, holdUntil: Date.now() + 50_000 });
  const { stdout } = await run('status', name);
  expect(stdout).toMatch(
    /^ {2}the endpoint says Retry-After: nothing is sent before \d\d:\d\d:\d\dZ \(in \d+ s\)$/m,
  );
});

test('an endpoint that there is not, and --open without one, are usage errors', async () => {
  const { name, run } = await judged({});
  const [unknown, all] = await Promise.all([run('pace', name, 'disposition'), run('pace', name, '--open')]);
  expect([unknown.code, all.code]).toEqual([2, 2]);
  expect(unknown.stderr).toContain(
    `client "${name}" has no endpoint for "disposition"; there are: ${TYPE}, `,
  );
  expect(all.stderr).toContain('--open wants the event type of one endpoint');
});
