import type { Command } from 'commander';
import { v7 as uuidv7 } from 'uuid';
import { actOnDeadLetters, type DeadLetterAction } from '../../dead-letters/act-on-dead-letters.ts';
import { findDeadLetters, type ReadDeadLetters } from '../../dead-letters/find-dead-letters.ts';
import { holdRate } from '../../dead-letters/replay-rate.ts';
import { discardDeadLetters, readDeadLetters, replayDeadLetters } from '../../queue/dead-letter-queue.ts';
import { confirm } from '../confirm.ts';
import { EXIT } from '../exit-codes.ts';
import { chooseClients, type Operator, runWithOperator } from '../open-operator.ts';
import { parseRate } from '../parse-options.ts';
import { openProgress } from '../progress.ts';
import { UsageError } from '../run-command.ts';
import { tellWithoutService } from '../tell-without-service.ts';
import { formatCount, formatDuration, type Terminal } from '../terminal.ts';
import { type FilterOptions, withFilters } from './filter-options.ts';

type ActionOptions = FilterOptions & {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  /** Events a second. */
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

/** `waybill dead-letters replay` and `discard` */
export function addDeadLetterActions(group: Command): void {
  for (const verb of VERBS) {
    const command = withFilters(group.command(verb.name).description(verb.description))
      .option('--dry-run', 'only count')
      .option('--yes', 'do not ask');
    if (verb.name === 'replay') command.option('--rate <n>', 'at most so many events a second', parseRate);
    command.action((_options, command: Command) => {
      const options = command.optsWithGlobals<ActionOptions>();
      return runWithOperator(options, (terminal, operator) => act(verb, operator, options, terminal));
    });
  }
}

async function act(
  verb: Verb,
  operator: Operator,
  options: ActionOptions,
  terminal: Terminal,
): Promise<number> {
  const clients = chooseClients(operator.config, options.client);
  const read: ReadDeadLetters = (client, filter) => readDeadLetters(operator.redis, client, filter);
  let matching = 0;
  for await (const page of findDeadLetters(read, clients, options, options.limit)) matching += page.length;

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
  const { done, interrupted } = await carryOut(verb, operator, options, matching);
  terminal.value({ matching, [verb.past]: done, interrupted });
  terminal.line(`${formatCount(done)} ${verb.past}.`);
  if (interrupted) terminal.line('Interrupted: run it again for the rest.');
  if (verb.name === 'replay' && done > 0) await tellWithoutService(terminal, operator.redis);
  return interrupted ? EXIT.interrupted : EXIT.done;
}

/** Why nothing is to be done, as a sentence; undefined where something is. */
function whyNothing(verb: Verb, matching: number, { dryRun, rate }: ActionOptions): string | undefined {
  if (matching === 0) return 'No dead letters match.';
  return dryRun === true
    ? `${formatCount(matching)} would be ${verb.past}${howLong(matching, rate)}.`
    : undefined;
}

/** How long it takes at a rate; nothing where it is not held to one. */
function howLong(matching: number, rate: number | undefined): string {
  return rate === undefined ? '' : ` in about ${formatDuration((matching / rate) * 1_000)}`;
}

/**
 * Asks before more than one dead letter is acted on.
 *
 * @returns undefined: go ahead
 * @throws UsageError where nobody can be asked
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
async function carryOut(verb: Verb, operator: Operator, options: ActionOptions, matching: number) {
  const { config, redis } = operator;
  const stopping = new AbortController();
  const onSignal = (): void => stopping.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const progress = openProgress(verb.past, matching);
  try {
    return await actOnDeadLetters(
      (client, filter) => readDeadLetters(redis, client, filter),
      verb.action(operator),
      {
        clients: chooseClients(config, options.client),
        filter: options,
        signal: stopping.signal,
        batchSizeOf: (client) => config.clients[client]?.batchSize ?? 1,
        onProgress: (done) => progress.update(done),
        ...(options.limit === undefined ? {} : { limit: options.limit }),
        ...(options.rate === undefined ? {} : { rate: holdRate(options.rate, () => performance.now()) }),
      },
    );
  } finally {
    progress.stop();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}
