import { type Command, Option } from 'commander';
import { csvLine } from '../../core/csv.ts';
import { acceptedAt } from '../../core/event-id.ts';
import { type EventFilter, type EventRecord, eventRecordValue, OUTCOMES } from '../../core/event-record.ts';
import { EVENT_TYPE_NAMES } from '../../core/event-types.ts';
import { formatCount, formatTime } from '../../core/quantity-text.ts';
import {
  type EventSearch,
  findEvents,
  LatestEvents,
  readWaits,
  type WaitsFor,
} from '../../queue/find-events.ts';
import { periodText, rememberedText, sumText, upshot } from '../event-text.ts';
import { writeToStdout } from '../export-output.ts';
import { MOMENT_FORMS, withPeriod } from '../moment.ts';
import { findClients, type Operator, operatorAction, tellWithoutService } from '../open-operator.ts';
import { parseCount } from '../parse-options.ts';
import { withProgress } from '../progress.ts';
import { EXIT, type GlobalOptions } from '../run-command.ts';
import { oneLine, type Terminal } from '../terminal.ts';
import { parseStatus } from './dead-letter-filters.ts';

/** People are shown at most this many; `--limit`, `--json` and `--csv` give more. */
const ROWS_FOR_PEOPLE = 50;

type EventsOptions = GlobalOptions &
  EventFilter & {
    readonly client?: string;
    readonly limit?: number;
    readonly units?: true;
    readonly csv?: true;
  };

/** `waybill events`: what became of many events, by unit, time, outcome, status. */
export function addEventsCommand(program: Command): void {
  withPeriod(
    program.command('events'),
    ['--since <time>', `to which that happened, or without --outcome anything, at or after: ${MOMENT_FORMS}`],
    ['--until <time>', 'before'],
  )
    .option('--unit <unit>', 'about one unit, with every attempt')
    .option('--client <name>', 'of one client')
    .addOption(new Option('--type <type>', 'of one event type').choices([...EVENT_TYPE_NAMES]))
    .addOption(
      new Option(
        '--outcome <outcome>',
        'that are so; or failed: an attempt; died: given up on, and replayed since or not',
      ).choices([...OUTCOMES]),
    )
    .option('--status <status>', 'of any attempt: 422, 5xx, timeout, refused ...', parseStatus)
    .option('--limit <n>', 'at most this many, the latest accepted', parseCount)
    .option('--units', 'print their units alone, each once')
    .addOption(new Option('--csv', 'print all as CSV').conflicts('units'))
    .description('find events by unit, time, outcome or status: what waits, failed, died, was delivered')
    .action(operatorAction(listEvents));
}

async function listEvents(terminal: Terminal, operator: Operator, options: EventsOptions): Promise<number> {
  const { unit, units, csv, limit } = options;
  const missed = new Set<string>();
  if (csv) await printCsv(search(operator, options, missed), unit);
  else if (units) await printUnits(terminal, search(operator, options, missed), unit);
  else {
    const keep = limit ?? (terminal.json ? Number.POSITIVE_INFINITY : ROWS_FOR_PEOPLE);
    const latest = await collect(search(operator, options, missed), keep);
    await printEvents(terminal, operator, options, latest);
  }
  for (const client of missed)
    terminal.note(
      `waybill: events of ${client} moved faster than they could be read; some that wait may be missing`,
    );
  return EXIT.done;
}

type Search = (onProgress: (looked: number) => void) => AsyncIterable<readonly EventRecord[]>;

function search({ config, redis }: Operator, options: EventsOptions, missed: Set<string>): Search {
  const clients = findClients(config, options.client).map(({ name }) => name);
  const parts: EventSearch = { redis, clients, filter: options, now: Date.now() };
  return (onProgress) => findEvents({ ...parts, onProgress, onMissed: (client) => missed.add(client) });
}

async function collect(find: Search, keep: number): Promise<LatestEvents> {
  const latest = new LatestEvents(keep);
  await withProgress('looked at', undefined, async (update) => {
    for await (const events of find(update)) latest.add(events);
  });
  return latest;
}

async function printEvents(
  terminal: Terminal,
  { config, redis }: Operator,
  options: EventsOptions,
  latest: LatestEvents,
): Promise<void> {
  const { unit } = options;
  const { found } = latest;
  const events = latest.sorted();
  const clients = findClients(config, options.client);
  const waits = await readWaits(redis, clients, events, Date.now());
  terminal.value({
    events: events.map((event) => eventRecordValue(event, unit, waits.get(event))),
    found,
  });
  if (found === 0)
    terminal.line(
      `No such event is known${periodText(options)}. ${rememberedText(config.keepDeliveredHours)}`,
    );
  else if (unit === undefined) printTable(terminal, events, waits, clients.length > 1);
  else for (const event of events) printEvent(terminal, event, waits.get(event));
  if (found > events.length || latest.byClient.size > 1) terminal.line(`\n${sumText(latest, events.length)}`);
  if (unit === undefined && events.some((event) => event.unit === undefined))
    terminal.line('Of what is over, only a fingerprint of the unit is kept: --unit finds it by that.');
  if (waits.size > 0) await tellWithoutService(terminal, redis);
}

function printTable(
  terminal: Terminal,
  events: readonly EventRecord[],
  waits: ReadonlyMap<EventRecord, WaitsFor>,
  namesClients: boolean,
): void {
  const drop = namesClients ? 0 : 1;
  terminal.table(
    ['client', 'id', 'type', 'unit', 'state', 'accepted at', 'failures', 'what became of it'].slice(drop),
    events.map((event) =>
      [
        ...[event.client, event.id, event.type ?? '?', event.unit ?? '-', event.state],
        ...[formatTime(acceptedAt(event.id)), event.lives.flat().length, upshot(event, waits.get(event))],
      ].slice(drop),
    ),
    [6 - drop],
  );
}

function printEvent(terminal: Terminal, event: EventRecord, waitsFor: WaitsFor | undefined): void {
  const { client, id, type = 'of a type that this version does not know', state, replays } = event;
  terminal.line(`${terminal.style('bold', id)}  ${client}  ${type}`);
  const doubt = event.unit === undefined ? ' (probably about this unit: only its fingerprint is kept)' : '';
  const again = replays === 0 ? '' : `; replayed ${replays === 1 ? 'once' : `${formatCount(replays)} times`}`;
  terminal.line(
    `  accepted ${formatTime(acceptedAt(id))}${again}; ${state === 'waiting' ? '' : `${state}: `}${upshot(event, waitsFor)}${doubt}`,
  );
  const { failedAttempts } = eventRecordValue(event);
  if (failedAttempts.length > 0) {
    terminal.table(
      ['  life', 'attempt', 'ended at', 'status', 'class', 'ms'],
      failedAttempts.map(({ life, attempt, at, status, class: failureClass, ms }) => [
        ...[life, attempt, formatTime(Date.parse(at)), status ?? '-', failureClass, ms],
      ]),
      [0, 1, 5],
    );
  }
  terminal.line();
}

async function printUnits(terminal: Terminal, find: Search, unit: string | undefined): Promise<void> {
  const units = new Set<string>();
  let unnamed = 0;
  await withProgress('looked at', undefined, async (update) => {
    for await (const events of find(update)) {
      for (const event of events) {
        const known = event.unit ?? unit;
        if (known === undefined) unnamed += 1;
        else units.add(known);
      }
    }
  });
  terminal.value({ units: [...units], unnamed });
  for (const known of units) terminal.verbatim(oneLine(known));
  if (unnamed > 0)
    terminal.note(
      `waybill: ${formatCount(unnamed)} delivered or discarded: their units are not kept, only their ids ("--csv")`,
    );
}

async function printCsv(find: Search, unit: string | undefined): Promise<void> {
  async function* lines(): AsyncGenerator<string> {
    yield csvLine([
      'client',
      'event',
      'type',
      'unit',
      'state',
      'accepted_at',
      'ended_at',
      'status',
      'failed_attempts',
    ]);
    for await (const events of find(() => {}))
      yield events.map((event) => csvLine(csvCells(event, unit))).join('');
  }
  await writeToStdout(lines());
}

function csvCells(event: EventRecord, askedUnit: string | undefined): string[] {
  const {
    client,
    id,
    type,
    unit,
    state,
    acceptedAt: accepted,
    endedAt = '',
    status,
    failedAttempts,
  } = eventRecordValue(event, askedUnit);
  const last = failedAttempts.at(-1);
  const answered =
    status ?? (state === 'dead' || state === 'retrying' ? (last?.status ?? last?.class) : undefined);
  return [
    client,
    id,
    type ?? '',
    unit ?? '',
    state,
    accepted,
    endedAt,
    String(answered ?? ''),
    String(failedAttempts.length),
  ];
}
