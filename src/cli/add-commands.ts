import { Command } from 'commander';
import { VERSION } from '../version.ts';
import { describeExamples } from './examples.ts';

/** In the order of the help. */
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  init: async () => (await import('./commands/init.ts')).addInitCommand,
  check: async () => (await import('./commands/check.ts')).addCheckCommand,
  start: async () => (await import('./commands/start.ts')).addStartCommand,
  send: async () => (await import('./commands/send.ts')).addSendCommand,
  status: async () => (await import('./commands/status.ts')).addStatusCommand,
  event: async () => (await import('./commands/event.ts')).addEventCommand,
  events: async () => (await import('./commands/events.ts')).addEventsCommand,
  pause: async () => (await import('./commands/pause.ts')).addPauseCommand,
  resume: async () => (await import('./commands/pause.ts')).addResumeCommand,
  pace: async () => (await import('./commands/pace.ts')).addPaceCommand,
  'dead-letters': async () => (await import('./commands/dead-letters.ts')).addDeadLettersCommand,
  audit: async () => (await import('./commands/audit.ts')).addAuditCommand,
  incidents: async () => (await import('./commands/incidents.ts')).addIncidentsCommand,
  report: async () => (await import('./commands/report.ts')).addReportCommand,
  sandbox: async () => (await import('./commands/sandbox.ts')).addSandboxCommand,
  loadtest: async () => (await import('./commands/loadtest.ts')).addLoadtestCommand,
  key: async () => (await import('./commands/key.ts')).addKeyCommand,
  docs: async () => (await import('./commands/docs.ts')).addDocsCommand,
  demo: async () => (await import('./commands/demo.ts')).addDemoCommand,
};

/** Descriptions are wrapped also where there is room for no more than this. */
const LEAST_WIDTH = 20;

/** The groups of the help. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  'Setting up': ['init', 'check', 'key'],
  Delivering: ['start', 'send', 'pause', 'resume'],
  Watching: ['status', 'event', 'events', 'pace', 'incidents', 'audit'],
  'What was given up on': ['dead-letters', 'report'],
  'Trying out': ['sandbox', 'loadtest', 'demo'],
  Reading: ['docs'],
};

/** Makes the program without its commands. It throws a CommanderError for words that it cannot read. */
export function createProgram(): Command {
  return (
    new Command('waybill')
      .description("Delivers a warehouse's events to its clients' HTTP endpoints.")
      .version(VERSION, '-V, --version', 'print the version')
      .option('--config <file>', 'the configuration file', 'waybill.yaml')
      .option('--json', 'print one JSON value on stdout')
      .helpOption('-h, --help', 'show this help')
      .configureHelp({
        showGlobalOptions: true,
        minWidthToWrap: LEAST_WIDTH,
        // The help command is not shown beside --help.
        visibleCommands: ({ commands }) => [...commands],
        subcommandTerm: (command) => command.name(),
      })
      .addHelpText('afterAll', ({ command }) => describeExamples(command))
      // What commander says is said in words of our own, by describeMisuse.
      .configureOutput({ outputError: () => {} })
      .showSuggestionAfterError(false)
      .exitOverride()
  );
}

/**
 * Adds the command that these words name. If they name none, adds all, for the help and the hint after a mistake.
 * Loading a command takes most of the time that a short one runs.
 *
 * @throws CommanderError if the program's own options end it: `--version`, or a missing value
 */
export async function addCommands(program: Command, words: readonly string[]): Promise<void> {
  // An option's value, a client or a file may be named like a command.
  const [name = ''] = program.parseOptions([...words]).operands;
  const named = Object.entries(COMMANDS).filter(([known]) => known === name);
  for (const [known, load] of named.length === 0 ? Object.entries(COMMANDS) : named) {
    const add = await load();
    add(program);
    program.commands.at(-1)?.helpGroup(groupOf(known));
  }
}

function groupOf(command: string): string {
  const [heading] = Object.entries(GROUPS).find(([, names]) => names.includes(command)) ?? ['Commands'];
  return `${heading}:`;
}
