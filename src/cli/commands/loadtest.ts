import type { Command } from 'commander';
import { type FindOptions, type RunOptions, withFindFlags, withRunFlags } from '../loadtest/load-options.ts';
import { runCommand } from '../run-command.ts';

/** `waybill loadtest`: what rate a client's endpoint takes from this engine. */
export function addLoadtestCommand(program: Command): void {
  const group = program
    .command('loadtest')
    .description(
      "find out what rate a client's endpoint takes, with its own authentication and real payloads",
    );
  withRunFlags(
    describe(group, 'run', 'send a fixed plan, and hold what comes of it against objectives'),
  ).action((client: string, type: string, _options, command: Command) => {
    const options = command.optsWithGlobals<RunOptions>();
    return runCommand(options, async (terminal) => {
      // Loaded when it is needed: no other command has a use for histograms.
      const { runPlan } = await import('../loadtest/run-plan.ts');
      return runPlan(terminal, client, type, options);
    });
  });
  withFindFlags(describe(group, 'find-limit', 'find the highest rate that meets objectives')).action(
    (client: string, type: string, _options, command: Command) => {
      const options = command.optsWithGlobals<FindOptions>();
      return runCommand(options, async (terminal) => {
        const { runSearch } = await import('../loadtest/run-search.ts');
        return runSearch(terminal, client, type, options);
      });
    },
  );
}

function describe(group: Command, name: string, description: string): Command {
  return group
    .command(name)
    .argument('<client>', 'a client of the configuration')
    .argument('<type>', 'the event type')
    .description(description);
}
