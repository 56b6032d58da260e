import { Argument, type Command, Option } from 'commander';
import type { ResolvedClient } from '../../config/config-schema.ts';
import { EVENT_TYPE_NAMES } from '../../core/event-types.ts';
import type { IncidentReport } from '../../incidents/build-report.ts';
import {
  findIncident,
  makeReport,
  REPORT_FORMATS,
  type ReportFormat,
  writeReport,
} from '../../incidents/make-report.ts';
import { writeToFile } from '../export-output.ts';
import { findClient, type Operator, operatorAction } from '../open-operator.ts';
import { parseMoment } from '../parse-options.ts';
import { withProgress } from '../progress.ts';
import { EXIT, type GlobalOptions, UsageError } from '../run-command.ts';
import { formatCount } from '../terminal.ts';

interface ReportOptions extends GlobalOptions {
  readonly type?: string;
  /** The id of an incident. */
  readonly incident?: string;
  readonly format: ReportFormat;
  readonly output?: string;
  readonly since?: number;
}

/** `waybill report <client>`: what a technical contact sends to the client's tech support. */
export function addReportCommand(program: Command): void {
  program
    .command('report')
    .argument('<client>', 'the client')
    .addArgument(new Argument('[type]', 'one event type, as --type').choices([...EVENT_TYPE_NAMES]))
    .description(
      "write the report for a client's tech support: what fails, since when, and what is asked of them",
    )
    .addOption(new Option('--type <type>', 'of one event type').choices([...EVENT_TYPE_NAMES]))
    .option('--incident <id>', 'of an incident, also one that is over: waybill incidents --json has the ids')
    .option(
      '--since <time>',
      'of events that died at or after: an ISO time, or 2h for two hours ago',
      parseMoment,
    )
    .addOption(
      new Option('--format <format>', 'Markdown, one HTML file, or JSON')
        .choices([...REPORT_FORMATS])
        .default('md'),
    )
    .option('--output <file>', 'a new file to write to; default: stdout')
    .action(
      operatorAction(async (terminal, operator, given: ReportOptions, name: string, type?: string) => {
        const client = findClient(operator.config, name);
        const options = type === undefined ? given : { ...given, type };
        const { format, output: file } = options;
        if (file === undefined) {
          const made = await readReport(operator, client, options);
          terminal.value(made);
          if (!terminal.json) terminal.verbatim((await writeReport(made, format)).trimEnd());
          return EXIT.done;
        }
        let events = 0;
        // A file that cannot be written is found before everything is read.
        async function* texts(): AsyncGenerator<string> {
          const made = await readReport(operator, client, options);
          events = made.events;
          yield writeReport(made, format);
        }
        await writeToFile(file, texts());
        terminal.value({ file, format, events });
        terminal.line(`The report of ${formatCount(events)} events stands in ${file}.`);
        return EXIT.done;
      }),
    );
}

async function readReport(
  { config, redis }: Operator,
  client: ResolvedClient,
  { type, incident: id, since }: ReportOptions,
): Promise<IncidentReport> {
  const now = Date.now();
  const incident = id === undefined ? undefined : await findIncident(redis, client.name, id, now);
  if (id !== undefined && incident === undefined) {
    throw new UsageError(
      `incident "${id}" is not known; "waybill incidents ${client.name} --json" has the ids`,
    );
  }
  const { keepDays } = config.deadLetters;
  return withProgress('read', undefined, (onRead) =>
    makeReport(redis, client, { type, incident, since, keepDays, now, onRead }),
  );
}
