import type { Command } from 'commander';
import { v7 as uuidv7 } from 'uuid';
import { actOnDeadLetters, type DeadLetterAction } from '../../dead-letters/act-on-dead-letters.ts';
import { holdRate } from '../../dead-letters/replay-rate.ts';
import { discardDeadLetters, replayDeadLetters } from '../../queue/dead-letter-queue.ts';
import { chooseClients, type Operator, operatorAction, tellWithoutService } from '../open-operator.ts';
import { decimalNumber } from '../parse-options.ts';
import { withProgress } from '../progress.ts';
import { EXIT, UsageError, untilInterrupted } from '../run-command.ts';
import { confirm, formatCount, formatDuration, type Terminal } from '../terminal.ts';
import { deadLetterReader, type FilterOptions, findMatching, withFilters } from './dead-letter-filters.ts';

type ActionOptions = FilterOptions & {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  /** Events per second. */
  readonly rate?: number;
};

interface Verb {
  readonly name: 'replay' | 'discard';
  readonly past: 'replayed' | 'discarded';
  readonly description: string;
  action(operator: Operator): DeadLetterAction;
}

const VERBS: readonly Verb[] = [
  {
    name: 'replay',
    past: 'replayed',
    description: 'put dead letters back into delivery, with all their retries again',
    action:
      ({ redis }) =>
      (client, events) =>
        replayDeadLetters(redis, client, uuidv7(), events, Date.now()),
  },
  {
    name: 'discard',
    past: 'discarded',
    description: 'remove dead letters for good',
    action:
      ({ redis }) =>
      (client, events) =>
        discardDeadLetters(redis, client, events),
  },
];

const parseRate = decimalNumber(
  0.001,
  1_000_000,
  'It is a number of events a second, more than 0, such as 50 or 0.5.',
);

/** `waybill dead-letters replay` and `discard` */
export function addDeadLetterActions(group: Command): void {
  for (const verb of VERBS) {
    const command = withFilters(group.command(verb.name).description(verb.description))
      .option('--dry-run', 'only count')
      .option('--yes', 'do not ask');
    if (verb.name === 'replay') command.option('--rate <n>', 'at most so many events a second', parseRate);
    command.action(
      operatorAction((terminal, operator, options: ActionOptions) => act(verb, terminal, operator, options)),
    );
  }
}

async function act(
  verb: Verb,
  terminal: Terminal,
  operator: Operator,
  options: ActionOptions,
): Promise<number> {
  let matching = 0;
  for await (const page of findMatching(operator, options)) matching += page.length;
  const clients = chooseClients(operator.config, options.client);
  const nothing = whyNothing(verb, matching, options) ?? (await askWhether(verb, matching, clients, options));
  if (nothing !== undefined) {
    terminal.value({ matching, [verb.past]: 0, interrupted: false });
    terminal.line(nothing);
    return EXIT.done;
  }
  if (options.rate !== undefined) {
    const which = `${formatCount(matching)} dead letters`;
    terminal.note(`Replaying ${which}${howLong(matching, options.rate)}: ${options.rate} a second.`);
  }
  const { done, interrupted } = await carryOut(verb, operator, clients, options, matching);
  terminal.value({ matching, [verb.past]: done, interrupted });
  terminal.line(`${formatCount(done)} ${verb.past}.`);
  if (interrupted) terminal.line('Interrupted: run it again for the rest.');
  if (verb.name === 'replay' && done > 0) await tellWithoutService(terminal, operator.redis);
  return interrupted ? EXIT.interrupted : EXIT.done;
}

/** Says why there is nothing to do; undefined: there is. */
function whyNothing(verb: Verb, matching: number, { dryRun, rate }: ActionOptions): string | undefined {
  if (matching === 0) return 'No dead letters match.';
  return dryRun === true
    ? `${formatCount(matching)} would be ${verb.past}${howLong(matching, rate)}.`
    : undefined;
}

/** How long it takes at a rate; empty without one. */
function howLong(matching: number, rate: number | undefined): string {
  return rate === undefined ? '' : ` in about ${formatDuration((matching / rate) * 1_000)}`;
}

/**
 * Asks before it acts on more than one dead letter.
 *
 * @returns undefined: go ahead
 * @throws UsageError if there is no terminal to ask on
 */
async function askWhether(
  verb: Verb,
  matching: number,
  clients: readonly string[],
  { yes }: ActionOptions,
): Promise<string | undefined> {
  if (matching === 1 || yes === true) return undefined;
  const agreed = await confirm(
    `${verb.name} ${formatCount(matching)} dead letters of ${clients.join(', ')}?`,
  );
  if (agreed === undefined) {
    throw new UsageError(
      `${matching} dead letters match: --yes is needed to ${verb.name} more than one without a terminal`,
    );
  }
  return agreed ? undefined : 'Nothing was done.';
}

/** Acts on all that match, with a progress bar; a signal ends it between two steps. */
function carryOut(
  verb: Verb,
  operator: Operator,
  clients: readonly string[],
  options: ActionOptions,
  matching: number,
) {
  const { limit, rate } = options;
  return untilInterrupted((signal) =>
    withProgress(verb.past, matching, (onProgress) =>
      actOnDeadLetters(deadLetterReader(operator), verb.action(operator), {
        clients,
        filter: options,
        signal,
        batchSizeOf: (client) => operator.config.clients[client]?.batchSize ?? 1,
        onProgress,
        ...(limit === undefined ? {} : { limit }),
        ...(rate === undefined ? {} : { rate: holdRate(rate, () => performance.now()) }),
      }),
    ),
  );
}
