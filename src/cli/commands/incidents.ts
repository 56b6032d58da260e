import type { Command } from 'commander';
import { type ClosedIncident, type Incident, incidentId, incidentValue } from '../../core/incident.ts';
import { formatCount, formatTime } from '../../core/quantity-text.ts';
import { failuresOf, situationOf } from '../../incidents/describe-notice.ts';
import { readAllIncidents } from '../../incidents/read-incidents.ts';
import { chooseClients, operatorAction } from '../open-operator.ts';
import { EXIT, type GlobalOptions } from '../run-command.ts';
import type { Terminal } from '../terminal.ts';

const HEAD = [
  'client',
  'type',
  'state',
  'failing since',
  'last',
  'events',
  'dead letters',
  'waiting',
  'failures',
];
const NUMERIC = [5, 6, 7];

/** `waybill incidents [client]`: endpoints that fail, and those that did lately. */
export function addIncidentsCommand(program: Command): void {
  program
    .command('incidents')
    .argument('[client]', 'one client; default: all')
    .description('show the incidents that are open, and those of the last 7 days that are over')
    .action(
      operatorAction(async (terminal, { config, redis }, _options: GlobalOptions, client?: string) => {
        const names = chooseClients(config, client);
        const { open, closed } = await readAllIncidents(redis, names, Date.now());
        terminal.value({ open: open.map(incidentValue), closed: closed.map(incidentValue) });
        print(terminal, open, closed);
        return EXIT.done;
      }),
    );
}

function print(terminal: Terminal, open: readonly Incident[], closed: readonly ClosedIncident[]): void {
  if (open.length + closed.length === 0) {
    terminal.line('No incidents.');
    return;
  }
  terminal.table(HEAD, [...open.map(rowOf), ...closed.map(rowOf)], NUMERIC);
  const [first] = open;
  for (const incident of open.filter(isDownOrAgain)) {
    terminal.line(`${incident.client} ${incident.type}: ${situationOf(incident)}`);
  }
  if (first !== undefined) terminal.line(`\nFor the client's tech support: waybill report ${first.client}`);
  const [over] = closed;
  if (over !== undefined) {
    terminal.line(`\nOf one that is over: waybill report ${over.client} --incident ${incidentId(over)}`);
  }
}

/** What a row has no room for. */
function isDownOrAgain({ state, diedAgain }: Incident): boolean {
  return state === 'down' || diedAgain > 0;
}

function rowOf(incident: Incident | ClosedIncident): string[] {
  const { client, type, state, failingSince, lastAt, count, left, waiting } = incident;
  const isOver = 'closedAt' in incident;
  return [
    client,
    type,
    isOver
      ? `${incident.end} ${formatTime(incident.closedAt)}`
      : state === 'open'
        ? 'open'
        : `open, ${state}`,
    formatTime(failingSince),
    lastAt === 0 ? '-' : formatTime(lastAt),
    formatCount(count),
    formatCount(Math.max(0, left)),
    isOver ? '' : formatCount(waiting),
    failuresOf(incident) || 'none given up on',
  ];
}
