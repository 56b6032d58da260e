import { expect, test } from 'vitest';
import { formatDuration } from '../../src/core/quantity-text.ts';
import { configFor } from '../support/client-config.ts';
import { testEngine } from '../support/engine.ts';
import { numberedEvents } from '../support/events.ts';
import { testRedisPath } from '../support/redis.ts';
import { testSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { runWaybill, startWaybill } from '../support/waybill-process.ts';

const PATIENCE_MS = 30_000;

test('a replay at a rate takes its time, can be interrupted, and goes on with the next letter', async () => {
  const company = await testSandbox().company('acme', { script: 500 });
  const settings = company.clientSettings({ retry: { retries: 0 } });
  const engine = await testEngine({ acme: settings });
  const client = engine.client();
  await client.submit(numberedEvents('disposition_update', 40));
  await client.settled({ dead: 40 });
  company.script(200);
  const config = configFor(client.name, settings, testRedisPath());
  const replay = (...flags: string[]) => ['dead-letters', 'replay', '--json', ...config, ...flags];

  const dry = await runWaybill([...replay('--dry-run', '--rate', '0.5').filter((flag) => flag !== '--json')]);
  expect(dry.stdout).toBe('40 would be replayed in about 1 min 20 s.\n');

  const slow = startWaybill(replay('--yes', '--rate', '1'));
  await slow.waitForErrorLine(
    ({ unparsed }) => unparsed === 'Replaying 40 dead letters in about 40 s: 1 a second.',
    { timeoutMs: PATIENCE_MS },
  );
  await until(async () => (await client.status()).delivered >= 2, PATIENCE_MS);
  slow.signal('SIGINT');
  expect((await slow.exit).code).toBe(130);
  const { matching, replayed, interrupted } = JSON.parse(slow.stdout);
  expect({ matching, interrupted }).toEqual({ matching: 40, interrupted: true });
  expect(replayed).toBeLessThan(40);

  const started = performance.now();
  const rest = await runWaybill(replay('--yes', '--rate', '20'));
  expect(JSON.parse(rest.stdout)).toEqual({
    matching: 40 - replayed,
    replayed: 40 - replayed,
    interrupted: false,
  });
  // All but the first step have to wait.
  expect(performance.now() - started).toBeGreaterThan(((40 - replayed - 5) / 20) * 1_000 - 250);
  await client.settled({ dead: 40, delivered: 40 });
  expect(company.deliveredIds.size).toBe(40);
});

test('what is no rate is misuse, and discard has none', async () => {
  const wrong = ['0', '-1', '1e3', '1/s', '2000000', ''].map((rate) => ['replay', `--rate=${rate}`]);
  const runs = [...wrong, ['discard', '--rate', '5']].map((args) => runWaybill(['dead-letters', ...args]));
  expect((await Promise.all(runs)).map(({ code }) => code)).toEqual(Array(7).fill(2));
});

test('durations are told in their two largest units', () => {
  expect([10, 1_000, 59_900, 200_000, 7_500_000, 86_400_000].map(formatDuration)).toEqual([
    '1 s',
    '1 s',
    '1 min',
    '3 min 20 s',
    '2 h 5 min',
    '1 d',
  ]);
});
