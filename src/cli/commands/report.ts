import { Argument, type Command, Option } from 'commander';
import type { Redis } from 'ioredis';
import type { ResolvedClient } from '../../config/config-schema.ts';
import { type DeadLetterFilter, matchesFilter } from '../../core/dead-letter-filter.ts';
import { EVENT_TYPE_NAMES } from '../../core/event-types.ts';
import { type ClosedIncident, type Incident, incidentId } from '../../core/incident.ts';
import { buildReport, type IncidentReport } from '../../incidents/build-report.ts';
import { type CollectedFailures, collectFailures } from '../../incidents/collect-failures.ts';
import { readAllIncidents, readOutages } from '../../incidents/read-incidents.ts';
import { reportMarkdown } from '../../incidents/report-markdown.ts';
import { readClientView } from '../../queue/client-view.ts';
import { readDeadLetters } from '../../queue/dead-letters.ts';
import { readClosedRecords } from '../../queue/outage-records.ts';
import { writeToFile } from '../export-output.ts';
import { findClient, type Operator, operatorAction } from '../open-operator.ts';
import { parseMoment } from '../parse-options.ts';
import { withProgress } from '../progress.ts';
import { EXIT, type GlobalOptions, UsageError } from '../run-command.ts';
import { formatCount } from '../terminal.ts';

const FORMATS = ['md', 'html', 'json'] as const;

interface ReportOptions extends GlobalOptions {
  readonly type?: string;
  /** The id of an incident. */
  readonly incident?: string;
  readonly format: (typeof FORMATS)[number];
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
      new Option('--format <format>', 'Markdown, one HTML file, or JSON').choices([...FORMATS]).default('md'),
    )
    .option('--output <file>', 'a new file to write to; default: stdout')
    .action(
      operatorAction(async (terminal, operator, given: ReportOptions, name: string, type?: string) => {
        const client = findClient(operator.config, name);
        const options = type === undefined ? given : { ...given, type };
        const { format, output: file } = options;
        if (file === undefined) {
          const report = await makeReport(operator, client, options);
          terminal.value(report);
          if (!terminal.json) terminal.verbatim((await write(report, format)).trimEnd());
          return EXIT.done;
        }
        let events = 0;
        // A file that cannot be written is found before everything is read.
        async function* texts(): AsyncGenerator<string> {
          const report = await makeReport(operator, client, options);
          events = report.events;
          yield write(report, format);
        }
        await writeToFile(file, texts());
        terminal.value({ file, format, events });
        terminal.line(`The report of ${formatCount(events)} events stands in ${file}.`);
        return EXIT.done;
      }),
    );
}

async function makeReport(
  { config, redis }: Operator,
  client: ResolvedClient,
  options: ReportOptions,
): Promise<IncidentReport> {
  const { name } = client;
  const incident = options.incident === undefined ? undefined : await find(redis, name, options.incident);
  const isOver = incident !== undefined && 'closedAt' in incident;
  const filter = { ...options, type: incident?.type ?? options.type };
  const outages = isOver
    ? [{ incident, ...(await readClosedRecords(redis, name, incidentId(incident))) }]
    : await readOutages(redis, name, filter.type);
  const { waiting, inFlight, retrying, endpoints } = await readClientView(redis, client);
  const pages = Object.entries(endpoints).flatMap(([type, { webPages }]) =>
    webPages === undefined || isOver || (filter.type ?? type) !== type ? [] : [[type, webPages] as const],
  );
  return buildReport({
    client,
    // The dead letters that stand now are not those of an incident that is over.
    collected: isOver ? [] : await collect(redis, name, filter),
    outages,
    webPages: new Map(pages),
    keepDays: config.deadLetters.keepDays,
    waiting: waiting + inFlight + retrying,
    since: options.since,
    now: Date.now(),
  });
}

/** Finds an incident by its id. @throws UsageError */
async function find(redis: Redis, client: string, id: string): Promise<Incident | ClosedIncident> {
  const { open, closed } = await readAllIncidents(redis, [client], Date.now());
  const incident = [...open, ...closed].find((one) => incidentId(one) === id);
  if (incident !== undefined) return incident;
  throw new UsageError(`incident "${id}" is not known; "waybill incidents ${client} --json" has the ids`);
}

function collect(redis: Redis, client: string, filter: DeadLetterFilter): Promise<CollectedFailures[]> {
  let read = 0;
  return withProgress('read', undefined, (update) =>
    collectFailures(readDeadLetters(redis, client), (event) => {
      read += 1;
      update(read);
      return matchesFilter(event, filter);
    }),
  );
}

async function write(report: IncidentReport, format: ReportOptions['format']): Promise<string> {
  if (format === 'json') return `${JSON.stringify(report, undefined, 2)}\n`;
  if (format === 'md') return reportMarkdown(report);
  // Only here is it needed: every command would pay for loading it.
  const { reportHtml } = await import('../../incidents/report-html.ts');
  return reportHtml(report);
}
