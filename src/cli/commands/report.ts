import { type Command, Option } from 'commander';
import type { ResolvedClient } from '../../config/config-schema.ts';
import { matchesFilter } from '../../core/dead-letter-filter.ts';
import { EVENT_TYPE_NAMES } from '../../core/event-types.ts';
import { buildReport, type IncidentReport } from '../../incidents/build-report.ts';
import { collectFailures } from '../../incidents/collect-failures.ts';
import { readOpenIncidents } from '../../incidents/read-incidents.ts';
import { reportMarkdown, reportTitle } from '../../incidents/report-markdown.ts';
import { readClientView } from '../../queue/client-view.ts';
import { readDeadLetters } from '../../queue/dead-letters.ts';
import { writeToFile } from '../export-output.ts';
import { findClient, type Operator, operatorAction } from '../open-operator.ts';
import { parseMoment } from '../parse-options.ts';
import { withProgress } from '../progress.ts';
import { EXIT, type GlobalOptions } from '../run-command.ts';
import { formatCount } from '../terminal.ts';

const FORMATS = ['md', 'html', 'json'] as const;

interface ReportOptions extends GlobalOptions {
  readonly type?: string;
  readonly format: (typeof FORMATS)[number];
  readonly output?: string;
  readonly since?: number;
}

/** `waybill report <client>`: what a technical contact sends to the client's tech support. */
export function addReportCommand(program: Command): void {
  program
    .command('report')
    .argument('<client>', 'the client')
    .description(
      "write the report for a client's tech support: what fails, since when, and what is asked of them",
    )
    .addOption(new Option('--type <type>', 'of one event type').choices([...EVENT_TYPE_NAMES]))
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
      operatorAction(async (terminal, operator, options: ReportOptions, name: string) => {
        const client = findClient(operator.config, name);
        const { format, output: file } = options;
        if (file === undefined) {
          const report = await makeReport(operator, client, options);
          terminal.value(report);
          if (!terminal.json) terminal.line((await write(report, format)).trimEnd());
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
  let read = 0;
  const collected = await withProgress('read', undefined, (update) =>
    collectFailures(readDeadLetters(redis, name), (event) => {
      read += 1;
      update(read);
      return matchesFilter(event, options);
    }),
  );
  const open = await readOpenIncidents(redis, [name]);
  const { waiting, inFlight, retrying } = await readClientView(redis, client);
  return buildReport({
    client,
    collected,
    open,
    keepDays: config.deadLetters.keepDays,
    waiting: waiting + inFlight + retrying,
    since: options.since,
    now: Date.now(),
  });
}

async function write(report: IncidentReport, format: ReportOptions['format']): Promise<string> {
  if (format === 'json') return `${JSON.stringify(report, undefined, 2)}\n`;
  const markdown = reportMarkdown(report);
  if (format === 'md') return markdown;
  // Only here is it needed: every command would pay for loading it.
  const { reportHtml } = await import('../../incidents/report-html.ts');
  return reportHtml(reportTitle(report.client), markdown);
}
