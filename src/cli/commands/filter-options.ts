import { type Command, Option } from 'commander';
import type { DeadLetterFilter } from '../../core/dead-letter-filter.ts';
import { EVENT_TYPE_NAMES } from '../../core/event-types.ts';
import { parseCount, parseMoment, parseStatus } from '../parse-options.ts';
import type { GlobalOptions } from '../run-command.ts';

/** The filters of `dead-letters`, as the command line gives them. */
export type FilterOptions = GlobalOptions &
  DeadLetterFilter & { readonly client?: string; readonly limit?: number };

/** Adds the filters, which can be combined. */
export function withFilters(command: Command): Command {
  return command
    .option('--client <name>', 'of one client')
    .addOption(new Option('--type <type>', 'of one event type').choices([...EVENT_TYPE_NAMES]))
    .option('--status <status>', 'whose last attempt ended so: 422, 5xx, timeout, refused ...', parseStatus)
    .option('--unit <unit>', 'about one unit')
    .option('--id <id>', 'one event')
    .option('--since <time>', 'that died at or after: an ISO time, or 2h for two hours ago', parseMoment)
    .option('--until <time>', 'that died before', parseMoment)
    .option('--limit <n>', 'at most so many, oldest first', parseCount);
}
