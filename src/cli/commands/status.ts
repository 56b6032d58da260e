import type { Command } from 'commander';
import { type ClientStatus, readClientStatus } from '../../queue/client-status.ts';
import { countServices } from '../../queue/count-services.ts';
import { EXIT } from '../exit-codes.ts';
import { chooseClients, runWithOperator } from '../open-operator.ts';
import type { GlobalOptions } from '../run-command.ts';
import { formatCount, formatTime, type Terminal, visibleText } from '../terminal.ts';

const HEAD = [
  'client',
  'waiting',
  'in flight',
  'retrying',
  'dead',
  'delivered',
  'receipts new',
  'known already',
];
const NUMERIC = [1, 2, 3, 4, 5, 6, 7];

/** `waybill status [client]`: where each client's events are. */
export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .argument('[client]', 'one client; default: all')
    .description("show where each client's events are")
    .action((client: string | undefined, _options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      return runWithOperator(options, async (terminal, { config, redis }) => {
        const names = chooseClients(config, client);
        const statuses = await Promise.all(names.map((name) => readClientStatus(redis, name)));
        const services = await countServices(redis);
        terminal.value({
          services: services ?? null,
          clients: Object.fromEntries(names.map((name, i) => [name, statuses[i]])),
        });
        printStatuses(terminal, names, statuses);
        if (services === 0)
          terminal.line('\nNo service is running: nothing is delivered until "waybill start".');
        return EXIT.done;
      });
    });
}

function printStatuses(
  terminal: Terminal,
  names: readonly string[],
  statuses: readonly ClientStatus[],
): void {
  const rows = statuses.map((status, i) => {
    const receipts = status.deliveredByType['inventory_receipt'] ?? {};
    const known = receipts['200'] ?? 0;
    const fresh = Object.values(receipts).reduce((sum, count) => sum + count, 0) - known;
    const counts = [
      status.waiting,
      status.inFlight,
      status.retrying,
      status.dead,
      status.delivered,
      fresh,
      known,
    ];
    return [names[i] ?? '', ...counts.map(formatCount)];
  });
  terminal.table(HEAD, rows, NUMERIC);
  for (const [i, { lastError, broken }] of statuses.entries()) {
    if (lastError !== undefined) {
      const { at, type, attempt, status, class: failureClass, detail } = lastError;
      const what = status === 0 ? failureClass : `${status} (${failureClass})`;
      terminal.line(`\n${names[i]}: last error ${formatTime(at)}, ${type}, attempt ${attempt}: ${what}`);
      if (detail !== '') terminal.line(`  ${visibleText(detail.replace(/\s+/g, ' ').trim())}`);
    }
    if (broken > 0)
      terminal.line(`\n${names[i]}: ${broken} jobs failed by a fault of Waybill's own; they are kept.`);
  }
}
