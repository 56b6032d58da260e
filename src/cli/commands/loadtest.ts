import type { Command } from 'commander';
import { type FindOptions, type RunOptions, withFindFlags, withRunFlags } from '../loadtest/load-options.ts';
import { commandAction } from '../run-command.ts';

/** `waybill loadtest`: what rate a client's endpoint takes from this engine. */
export function addLoadtestCommand(program: Command): void {
  const group = program
    .command('loadtest')
    .description(
      "find out what rate a client's endpoint takes, with its own authentication and real payloads",
    );
  withRunFlags(
    describe(group, 'run', 'send a fixed plan, and hold what comes of it against objectives'),
  ).action(
    commandAction(async (terminal, options: RunOptions, client: string, type: string) => {
      const { runLoadTest, planRun } = await loadTest();
      return runLoadTest(terminal, client, type, options, planRun(options));
    }),
  );
  withFindFlags(describe(group, 'find-limit', 'find the highest rate that meets objectives')).action(
    commandAction(async (terminal, options: FindOptions, client: string, type: string) => {
      const { runLoadTest, planSearch } = await loadTest();
      return runLoadTest(terminal, client, type, options, planSearch(options));
    }),
  );
}

/** Loaded when a test runs: the help needs no histograms. */
async function loadTest() {
  return { ...(await import('../loadtest/plan-job.ts')), ...(await import('../loadtest/run-load-test.ts')) };
}

function describe(group: Command, name: string, description: string): Command {
  return group
    .command(name)
    .argument('<client>', 'a client of the configuration')
    .argument('<type>', 'the event type')
    .description(description);
}
