import type { Command } from 'commander';
import { deadLetterRow } from '../../dead-letters/dead-letter-value.ts';
import { findDeadLetters, type ReadDeadLetters } from '../../dead-letters/find-dead-letters.ts';
import { readDeadLetters } from '../../queue/dead-letter-queue.ts';
import { EXIT } from '../exit-codes.ts';
import { chooseClients, type Operator, runWithOperator } from '../open-operator.ts';
import { formatCount, formatTime, type Terminal } from '../terminal.ts';
import { type FilterOptions, withFilters } from './filter-options.ts';

/** People read so many; `--limit` and `--json` give more. */
const ROWS_FOR_PEOPLE = 50;

/** `waybill dead-letters list` */
export function addDeadLettersList(group: Command): void {
  withFilters(group.command('list').description('list dead letters, oldest first')).action(
    (_options, command: Command) => {
      const options = command.optsWithGlobals<FilterOptions>();
      return runWithOperator(options, async (terminal, operator) => {
        const { found, rows } = await readRows(operator, options, terminal.json);
        terminal.value(rows);
        printRows(terminal, found, rows);
        return EXIT.done;
      });
    },
  );
}

type Row = ReturnType<typeof deadLetterRow>;

async function readRows(operator: Operator, options: FilterOptions, all: boolean) {
  const names = chooseClients(operator.config, options.client);
  const keep = all ? Number.POSITIVE_INFINITY : (options.limit ?? ROWS_FOR_PEOPLE);
  const rows: Row[] = [];
  let found = 0;
  const read: ReadDeadLetters = (client, filter) => readDeadLetters(operator.redis, client, filter);
  for await (const page of findDeadLetters(read, names, options, options.limit)) {
    found += page.length;
    rows.push(...page.slice(0, keep - rows.length).map(deadLetterRow));
  }
  return { found, rows };
}

function printRows(terminal: Terminal, found: number, rows: readonly Row[]): void {
  if (found === 0) {
    terminal.line('No dead letters.');
    return;
  }
  terminal.table(
    ['client', 'id', 'type', 'unit', 'attempts', 'status', 'class', 'died at'],
    rows.map((row) => [
      row.client,
      row.id,
      row.type,
      row.unit,
      row.attempts,
      row.status ?? '-',
      row.class,
      formatTime(Date.parse(row.diedAt)),
    ]),
    [4],
  );
  if (found > rows.length) {
    terminal.line(`\n${formatCount(found)} in all; the oldest ${rows.length} are shown. --limit shows more.`);
  }
}
