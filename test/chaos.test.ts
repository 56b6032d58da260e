import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { fixedPlan } from './chaos/plan.ts';
import { failOnLeaks } from './support/leaks.ts';
import { startNode } from './support/node-process.ts';

failOnLeaks();

const MAIN = fileURLToPath(new URL('../dist/test/chaos/main.js', import.meta.url));

/** A quarter of a minute of work, and the lock and two looks for stalled batches until all is through. */
const TIMEOUT_MS = 300_000;

test.each(['one', 'sentinel', 'cluster'] as const)(
  '--redis %s: each kind of fault once that matters, under load: nothing is lost, and no rule is broken',
  {
    timeout: TIMEOUT_MS,
  },
  async (redis) => {
    const run = startNode([MAIN, '--fixed', '--json', '--redis', redis]);
    const exit = await run.exit;
    expect(run.stdout, run.stderr).not.toBe('');
    const account = JSON.parse(run.stdout);
    expect(account, run.stderr).toMatchObject({ lost: 0, violations: [] });
    expect(exit).toEqual({ code: 0, signal: null });
    expect(account.accepted).toBeGreaterThan(500);
    expect(account.delivered).toBeGreaterThan(account.accepted / 2);
    expect(account.dead).toBeGreaterThan(0);
    if (redis === 'cluster') expect(account.bystander.accepted).toBeGreaterThan(50);
    expect(account.kills).toEqual(Object.fromEntries(fixedPlan(redis).plan.map(({ kind }) => [kind, 1])));
  },
);

test('misuse is told with the usage', async () => {
  const other = startNode([MAIN, '--redis', 'two']);
  expect(await other.exit).toMatchObject({ code: 2 });
  expect(other.stderr).toContain('--redis two: must be one, sentinel or cluster');
  const run = startNode([MAIN, '--seconds', 'long']);
  expect(await run.exit).toMatchObject({ code: 2 });
  expect(run.stderr).toContain('--seconds long: must be a whole number from 5 to 86400');
});
