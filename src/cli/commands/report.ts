import { Argument, type Command, Option } from 'commander';
import { v7 as uuidv7 } from 'uuid';
import type { ResolvedClient } from '../../config/config-schema.ts';
import { mailAddress } from '../../config/smtp-config.ts';
import { EVENT_TYPE_NAMES } from '../../core/event-types.ts';
import { eventsOf } from '../../incidents/describe-notice.ts';
import { mailReport } from '../../incidents/mail-report.ts';
import {
  findIncident,
  makeReport,
  REPORT_FORMATS,
  type ReportFormat,
  type ReportWithUnits,
  writeReport,
} from '../../incidents/make-report.ts';
import { noteAction } from '../../queue/audit.ts';
import { writeToFile } from '../export-output.ts';
import { MOMENT_FORMS, withPeriod } from '../moment.ts';
import { findClient, type Operator, operatorAction } from '../open-operator.ts';
import { optionParser } from '../parse-options.ts';
import { withProgress } from '../progress.ts';
import { EXIT, type GlobalOptions, UsageError } from '../run-command.ts';
import { confirm, type Terminal } from '../terminal.ts';

interface ReportOptions extends GlobalOptions {
  readonly type?: string;
  /** The id of an incident. */
  readonly incident?: string;
  readonly format: ReportFormat;
  readonly output?: string;
  readonly since?: number;
  readonly send?: boolean;
  /** An email address. */
  readonly to?: string;
  readonly yes?: boolean;
}

const parseAddress = optionParser(
  (text) => mailAddress.safeParse(text).data,
  'It is an email address, such as tech@acme.example.',
);

/** `waybill report <client>`: what a technical contact sends to the client's tech support. */
export function addReportCommand(program: Command): void {
  const command = program
    .command('report')
    .argument('<client>', 'the client')
    .addArgument(new Argument('[type]', 'one event type, as --type').choices([...EVENT_TYPE_NAMES]))
    .description(
      "write the report for a client's tech support: what fails, since when, and what is asked of them",
    )
    .addOption(new Option('--type <type>', 'of one event type').choices([...EVENT_TYPE_NAMES]))
    .option('--incident <id>', 'of an incident, also one that is over: waybill incidents --json has the ids');
  withPeriod(command, ['--since <time>', `of events that died at or after: ${MOMENT_FORMS}`])
    .addOption(
      new Option('--format <format>', 'Markdown, one HTML file, or JSON')
        .choices([...REPORT_FORMATS])
        .default('md'),
    )
    .option('--output <file>', 'a new file to write to; default: stdout')
    .addOption(
      new Option('--send', 'mail it, with the list of units attached').conflicts(['format', 'output']),
    )
    .option('--to <address>', "with --send: to whom; default: the client's contact.email", parseAddress)
    .option('--yes', 'do not ask before --send')
    .action(
      operatorAction(async (terminal, operator, given: ReportOptions, name: string, type?: string) => {
        const client = findClient(operator.config, name);
        const options = type === undefined ? given : { ...given, type };
        const { format, output: file } = options;
        if (options.send === true) return mail(terminal, operator, client, options);
        if (file === undefined) {
          const { report } = await reportOf(operator, client, options);
          terminal.value(report);
          if (!terminal.json) terminal.verbatim((await writeReport(report, format)).trimEnd());
          return EXIT.done;
        }
        let events = 0;
        // A file that cannot be written is found before everything is read.
        async function* texts(): AsyncGenerator<string> {
          const { report } = await reportOf(operator, client, options);
          events = report.events;
          yield writeReport(report, format);
        }
        await writeToFile(file, texts());
        terminal.value({ file, format, events });
        terminal.line(`The report of ${eventsOf(events)} stands in ${file}.`);
        return EXIT.done;
      }),
    );
}

async function reportOf(
  { config, redis }: Operator,
  client: ResolvedClient,
  { type, incident: id, since }: ReportOptions,
): Promise<ReportWithUnits> {
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

/** Mails the report, once somebody has agreed. @throws UsageError, MailError */
async function mail(
  terminal: Terminal,
  operator: Operator,
  client: ResolvedClient,
  options: ReportOptions,
): Promise<number> {
  const { smtp, file } = operator.config;
  if (smtp === undefined) throw new UsageError(`${file} has no section smtp, which --send takes`);
  const address = options.to ?? client.contact?.email;
  if (address === undefined) {
    throw new UsageError(`client "${client.name}" has no contact.email: --to says whom to send to`);
  }
  const made = await reportOf(operator, client, options);
  const what = `the report of ${eventsOf(made.report.events)} to ${address}`;
  const agreed = options.yes === true || (await confirm(`Send ${what} by ${smtp.host}?`));
  if (agreed === undefined) throw new UsageError(`--yes is needed to send ${what} without a terminal`);
  if (!agreed) {
    terminal.note('Nothing is sent.');
    return EXIT.done;
  }
  // Before the mail: if it cannot be noted, nothing is sent.
  await noteAction(operator.redis, client.name, {
    ...{ id: uuidv7(), action: 'report', by: operator.by },
    filter: { type: options.type, since: options.since },
  });
  await mailReport(smtp, client, made, address);
  const { events } = made.report;
  terminal.value({ sent: true, to: address, events, units: made.units.listed });
  terminal.line(`The report of ${eventsOf(events)} was sent to ${address}.`);
  return EXIT.done;
}
