import type { Command } from 'commander';
import type { Redis } from 'ioredis';
import { v7 as uuidv7 } from 'uuid';
import { actOnDeadLetters, type DeadLetterAction } from '../../dead-letters/act-on-dead-letters.ts';
import { holdRate } from '../../dead-letters/replay-rate.ts';
import { discardDeadLetters, replayDeadLetters } from '../../queue/dead-letters.ts';
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

type Verb = 'replay' | 'discard';

const PAST = { replay: 'replayed', discard: 'discarded' } as const;
const DESCRIPTIONS = {
  replay: 'put dead letters back into delivery, with all their retries again',
  discard: 'remove dead letters for good',
} as const;

/** Replays or discards some dead letters of one client. */
function actionOf(verb: Verb, redis: Redis): DeadLetterAction {
  return (client, events) =>
    verb === 'replay'
      ? replayDeadLetters(redis, client, uuidv7(), events, Date.now())
      : discardDeadLetters(redis, client, events);
}

const parseRate = decimalNumber(
  0.001,
  1_000_000,
  'It is a number of events a second, more than 0, such as 50 or 0.5.',
);

/** `waybill dead-letters replay` and `discard` */
export function addDeadLetterActions(group: Command): void {
  for (const verb of ['replay', 'discard'] as const) {
    const command = withFilters(group.command(verb).description(DESCRIPTIONS[verb]))
      .option('--dry-run', 'only count')
      .option('--yes', 'do not ask');
    if (verb === 'replay') command.option('--rate <n>', 'at most so many events a second', parseRate);
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
  const { rate } = options;
  let matching = 0;
  for await (const page of findMatching(operator, options)) matching += page.length;
  const clients = chooseClients(operator.config, options.client);
  const howLong = rate === undefined ? '' : ` in about ${formatDuration((matching / rate) * 1_000)}`;
  const nothing = await whyNothing(verb, matching, clients, howLong, options);
  if (nothing !== undefined) {
    terminal.value({ matching, [PAST[verb]]: 0, interrupted: false });
    terminal.line(nothing);
    return EXIT.done;
  }
  if (rate !== undefined) {
    terminal.note(`Replaying ${formatCount(matching)} dead letters${howLong}: ${rate} a second.`);
  }
  const { done, interrupted } = await carryOut(verb, operator, clients, options, matching);
  terminal.value({ matching, [PAST[verb]]: done, interrupted });
  terminal.line(`${formatCount(done)} ${PAST[verb]}.`);
  if (interrupted) terminal.line('Interrupted: run it again for the rest.');
  if (verb === 'replay' && done > 0) await tellWithoutService(terminal, operator.redis);
  return interrupted ? EXIT.interrupted : EXIT.done;
}

/**
 * Says why nothing is to be done; undefined: go ahead. Asks before it acts on more than one.
 *
 * @throws UsageError if there is no terminal to ask on
 */
async function whyNothing(
  verb: Verb,
  matching: number,
  clients: readonly string[],
  howLong: string,
  { dryRun, yes }: ActionOptions,
): Promise<string | undefined> {
  if (matching === 0) return 'No dead letters match.';
  if (dryRun === true) return `${formatCount(matching)} would be ${PAST[verb]}${howLong}.`;
  if (matching === 1 || yes === true) return undefined;
  const agreed = await confirm(`${verb} ${formatCount(matching)} dead letters of ${clients.join(', ')}?`);
  if (agreed === undefined) {
    throw new UsageError(
      `${matching} dead letters match: --yes is needed to ${verb} more than one without a terminal`,
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
    withProgress(PAST[verb], matching, (onProgress) =>
      actOnDeadLetters(deadLetterReader(operator), actionOf(verb, operator.redis), {
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
