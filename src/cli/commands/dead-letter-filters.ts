import { type Command, Option } from 'commander';
import { type DeadLetterFilter, isStatusFilter } from '../../core/dead-letter-filter.ts';
import { EVENT_TYPE_NAMES } from '../../core/event-types.ts';
import {
  type DeadLetter,
  findDeadLetters,
  type ReadDeadLetters,
} from '../../dead-letters/find-dead-letters.ts';
import { readDeadLetters } from '../../queue/dead-letters.ts';
import type { Endpoint } from '../../queue/names.ts';
import { MOMENT_FORMS, withPeriod } from '../moment.ts';
import { chooseClients, type Operator } from '../open-operator.ts';
import { optionParser, parseCount } from '../parse-options.ts';
import type { GlobalOptions } from '../run-command.ts';

/** The filters of `dead-letters`, as the command line gives them. */
export type FilterOptions = GlobalOptions &
  DeadLetterFilter & { readonly client?: string; readonly limit?: number };

/** Reads what `--status` asks for. */
export const parseStatus = optionParser(
  (text) => (isStatusFilter(text) ? text : undefined),
  'It is a status (422), a range (5xx) or a class (timeout, refused, tls ...).',
);

/** Adds the filters, which can be combined. */
export function withFilters(command: Command): Command {
  command
    .option('--client <name>', 'of one client')
    .addOption(new Option('--type <type>', 'of one event type').choices([...EVENT_TYPE_NAMES]))
    .option('--status <status>', 'whose last attempt ended so: 422, 5xx, timeout, refused ...', parseStatus)
    .option('--unit <unit>', 'about one unit')
    .option('--id <id>', 'one event');
  withPeriod(
    command,
    ['--since <time>', `that died at or after: ${MOMENT_FORMS}`],
    ['--until <time>', 'that died before'],
  );
  withPeriod(
    command,
    ['--failed-since <time>', 'with an attempt that failed at or after'],
    ['--failed-until <time>', 'with an attempt that failed before'],
  );
  return command.option('--limit <n>', 'at most this many, oldest first', parseCount);
}

/** Reads dead letters from the operator's Redis. */
export function deadLetterReader({ redis }: Pick<Operator, 'redis'>): ReadDeadLetters {
  return (client, filter) => readDeadLetters(redis, client, filter);
}

/** Finds the dead letters that match, page by page, oldest first. @throws UsageError at once, for an unknown client */
export function findMatching(
  operator: Operator,
  options: FilterOptions,
): AsyncGenerator<readonly DeadLetter[]> {
  const clients = chooseClients(operator.config, options.client);
  return findDeadLetters(deadLetterReader(operator), clients, options, options.limit);
}

/** The dead letters that match, when they were counted. */
export interface Chosen {
  readonly matching: number;
  readonly clients: readonly string[];
  readonly endpoints: readonly Endpoint[];
  /** How many match, by client. */
  readonly byClient: ReadonlyMap<string, number>;
  /** The oldest of each endpoint. */
  readonly canaries: readonly DeadLetter[];
}

/** Counts the dead letters that match. @param canariesEach how many of each endpoint are kept; default: none */
export async function chooseMatching(
  operator: Operator,
  options: FilterOptions,
  canariesEach = 0,
): Promise<Chosen> {
  const counts = new Map<string, { readonly endpoint: Endpoint; count: number }>();
  const canaries: DeadLetter[] = [];
  const byClient = new Map<string, number>();
  let matching = 0;
  for await (const page of findMatching(operator, options)) {
    matching += page.length;
    for (const letter of page) {
      byClient.set(letter.client, (byClient.get(letter.client) ?? 0) + 1);
      const endpoint = { client: letter.client, type: letter.event.type };
      const name = `${endpoint.client} ${endpoint.type}`;
      const known = counts.get(name) ?? { endpoint, count: 0 };
      if (known.count < canariesEach) canaries.push(letter);
      known.count += 1;
      counts.set(name, known);
    }
  }
  const endpoints = [...counts.values()].map(({ endpoint }) => endpoint);
  const clients = chooseClients(operator.config, options.client);
  return { matching, clients, endpoints, byClient, canaries };
}
