import type { Command } from 'commander';

interface Commands {
  readonly names: readonly string[];
  load(): Promise<(program: Command) => void>;
}

/** In the order of the help. */
const COMMANDS: readonly Commands[] = [
  { names: ['init'], load: async () => (await import('./commands/init.ts')).addInitCommand },
  { names: ['check'], load: async () => (await import('./commands/check.ts')).addCheckCommand },
  { names: ['start'], load: async () => (await import('./commands/start.ts')).addStartCommand },
  { names: ['send'], load: async () => (await import('./commands/send.ts')).addSendCommand },
  { names: ['status'], load: async () => (await import('./commands/status.ts')).addStatusCommand },
  { names: ['event'], load: async () => (await import('./commands/event.ts')).addEventCommand },
  { names: ['pause', 'resume'], load: async () => (await import('./commands/pause.ts')).addPauseCommands },
  {
    names: ['dead-letters'],
    load: async () => (await import('./commands/dead-letters.ts')).addDeadLettersCommand,
  },
  { names: ['incidents'], load: async () => (await import('./commands/incidents.ts')).addIncidentsCommand },
  { names: ['report'], load: async () => (await import('./commands/report.ts')).addReportCommand },
  { names: ['sandbox'], load: async () => (await import('./commands/sandbox.ts')).addSandboxCommand },
  { names: ['loadtest'], load: async () => (await import('./commands/loadtest.ts')).addLoadtestCommand },
  { names: ['key'], load: async () => (await import('./commands/key.ts')).addKeyCommand },
  { names: ['docs'], load: async () => (await import('./commands/docs.ts')).addDocsCommand },
  { names: ['demo'], load: async () => (await import('./commands/demo.ts')).addDemoCommand },
];

/**
 * Adds the command that these words name. If they name none, adds all, for the help and the hint after a mistake.
 * Loading a command takes most of the time that a short one runs.
 *
 * @throws CommanderError if the program's own options end it: `--version`, or a missing value
 */
export async function addCommands(program: Command, words: readonly string[]): Promise<void> {
  // An option's value, a client or a file may be named like a command.
  const [name = ''] = program.parseOptions([...words]).operands;
  const named = COMMANDS.filter(({ names }) => names.includes(name));
  for (const { load } of named.length === 0 ? COMMANDS : named) {
    const add = await load();
    add(program);
  }
}
