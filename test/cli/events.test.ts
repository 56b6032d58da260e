import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { QUICK_RETRIES, testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { failOnLeaks } from '../support/leaks.ts';
import { testRedisPath } from '../support/redis.ts';
import { byUnit, failTimes } from '../support/replies.ts';
import { testSandbox } from '../support/sandbox.ts';
import { runWaybill, testDirectory } from '../support/waybill-process.ts';

failOnLeaks();

const TYPE = 'disposition_update';

/** A client of whose three events the second fails once, and the third for good. */
async function night() {
  const [first, second, third] = numberedEvents(TYPE, 3) as { optiturn_lp: string }[];
  const company = await testSandbox().company('acme', {
    script: byUnit({ [second?.optiturn_lp ?? '']: failTimes(1, 503), [third?.optiturn_lp ?? '']: 422 }),
  });
  const settings = company.clientSettings({ retry: { ...QUICK_RETRIES, retries: 1 } });
  const engine = await testEngine({ acme: settings });
  const client = engine.client('acme');
  await client.submit(numberedEvents(TYPE, 3));
  await client.settled({ delivered: 2, dead: 1 });
  const directory = testDirectory();
  const config = stringify({ redis: { url: testRedisPath() }, clients: { [client.name]: settings } });
  writeFileSync(join(directory, 'waybill.yaml'), config);
  const run = (...args: string[]) => runWaybill(['events', ...args], { directory });
  return { client, run, units: [first, second, third].map((event) => event?.optiturn_lp ?? '') };
}

test('an operator asks what became of a unit, and what failed last night', async () => {
  const { client, run, units } = await night();
  const of = async (...args: string[]) => JSON.parse((await run(...args, '--json')).stdout);

  const { events } = await of('--unit', units[1] ?? '');
  expect(events).toMatchObject([
    {
      ...{ client: client.name, type: TYPE, unit: units[1], probably: true, state: 'delivered', status: 200 },
      ...{ attempts: 2, failedAttempts: [{ life: 0, attempt: 1, status: 503, class: 'server_error' }] },
    },
  ]);
  const told = await run('--unit', units[1] ?? '');
  expect(told.stdout).toMatch(
    /delivered: .*answered 200 \(probably about this unit: .*\)\n +life +attempt .*\n +0 +1 .* 503 +server_error/,
  );

  expect((await of('--outcome', 'failed', '--since', '1h')).found).toBe(2);
  expect((await of('--outcome', 'dead', '--status', '422')).events).toMatchObject([{ unit: units[2] }]);
  expect((await of('--since', '2h', '--until', '1h')).found).toBe(0);
  expect((await run('--since', '2h', '--until', '1h')).stdout).toMatch(
    /^No such event is known from .*Z on and before .*Z\. Delivered ones are remembered for 24 hours/,
  );
  expect((await of('--limit', '1')).events).toHaveLength(1);
});

test('events are listed as a table, as CSV and by their units', async () => {
  const { client, run, units } = await night();
  const table = (await run()).stdout;
  expect(table.split('\n')[0]).toMatch(/^id +type +unit +state +accepted at +failures +what became of it$/);
  expect(table.match(/delivered/g)).toHaveLength(2);
  const csv = (await run('--csv')).stdout.split('\r\n');
  expect(csv[0]).toBe('client,event,type,unit,state,accepted_at,ended_at,status,failed_attempts');
  expect(csv.filter((line) => line.startsWith(client.name)).sort()).toHaveLength(3);
  expect(csv.find((line) => line.includes(units[2] ?? ''))).toMatch(/,dead,[^,]+,[^,]+,422,2$/);
  const named = await run('--units');
  expect(named.stdout).toBe(`${units[2]}\n`);
  expect(named.stderr).toContain('2 delivered or discarded: their units are not kept');
});
